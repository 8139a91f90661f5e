//! What runs a call of the model's.

use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::watch;

use crate::config::inherited_var;
use crate::guard::ChildGuard;
use crate::protocol::ToolUse;
use crate::text::KnownSecrets;
use crate::tool::{Job, Outcome, Stop, ToolSet, run};

/// Runs calls that were checked and approved.
pub(crate) trait ToolExecutor: Send + Sync {
    /// Runs a call to its end, or until it is stopped. A failure is an outcome as well: the model
    /// gets it as the result.
    fn call<'c>(
        &'c self,
        call: &'c ToolUse,
        stop: watch::Receiver<Stop>,
    ) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'c>>;
}

/// Runs each call as a child process.
pub(crate) struct ChildProcessExecutor {
    pub(crate) tools: Arc<ToolSet>,
    /// What no variable of a tool may have, and no result.
    pub(crate) secrets: Arc<KnownSecrets>,
    /// What starts them.
    pub(crate) guard: Arc<ChildGuard>,
}

impl ToolExecutor for ChildProcessExecutor {
    fn call<'c>(
        &'c self,
        call: &'c ToolUse,
        stop: watch::Receiver<Stop>,
    ) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'c>> {
        Box::pin(async move {
            let ready = match self.tools.find(&call.name) {
                Ok(ready) => ready,
                Err(why) => return Outcome::error(why),
            };
            let job = Job {
                call,
                ready,
                variable: inherited_var,
                secrets: &self.secrets,
                guard: &self.guard,
            };
            run(&job, stop).await.without_secrets(&self.secrets)
        })
    }
}
