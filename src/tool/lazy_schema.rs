//! The schema of a tool's input, compiled when it is needed, and once however often the tool is
//! copied.

use std::sync::{Arc, OnceLock};

use serde_json::Value;

use super::schema::Schema;

/// A schema that may be compiled already. Its clones share what was compiled.
#[derive(Debug, Clone)]
pub(super) struct LazySchema(Arc<SchemaParts>);

#[derive(Debug)]
struct SchemaParts {
    source: Value,
    compiled: OnceLock<Result<Schema, String>>,
}

impl LazySchema {
    /// Accepts a schema as it was written; nothing is checked yet.
    pub(super) fn new(source: Value) -> Self {
        let compiled = OnceLock::new();
        Self(Arc::new(SchemaParts { source, compiled }))
    }

    /// Returns the schema as it was written.
    pub(super) fn source(&self) -> &Value {
        &self.0.source
    }

    /// Returns the compiled schema; the error says why there is none.
    pub(super) fn compiled(&self) -> Result<Schema, String> {
        let compile = || Schema::compile(&self.0.source);
        self.0.compiled.get_or_init(compile).clone()
    }
}

impl PartialEq for LazySchema {
    fn eq(&self, other: &Self) -> bool {
        self.source() == other.source()
    }
}
