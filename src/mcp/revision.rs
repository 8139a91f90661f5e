//! Which revision of the protocol a server speaks, and what each request to it needs. Pure.
//!
//! Up to 2025-11-25, a connection begins with `initialize`. From 2026-07-28 on there are no
//! sessions: each request says which revision it speaks. `initialize` goes first, because servers
//! that do not know `server/discover` may leave it without an answer.

use serde_json::{Value, json};

use super::message::{METHOD_NOT_FOUND, RpcError, UNSUPPORTED_REVISION, shortened};

/// The newest revision with sessions, which `initialize` asks for.
const WITH_SESSIONS: &str = "2025-11-25";

/// The newest revision, which has no sessions.
const WITHOUT_SESSIONS: &str = "2026-07-28";

/// The revision that a connection speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Revision {
    /// One with a session, by its date.
    WithSession(String),
    /// The one in which each request stands alone.
    Stateless,
}

fn client_info() -> Value {
    json!({"name": "langdock", "version": env!("CARGO_PKG_VERSION")})
}

/// Returns the parameters of `initialize`.
pub(super) fn initialize_params() -> String {
    json!({
        "protocolVersion": WITH_SESSIONS, "capabilities": {}, "clientInfo": client_info(),
    })
    .to_string()
}

/// Reads the answer to `initialize`; the error says why there is no common revision.
pub(super) fn revision_of(result: &Value) -> Result<Revision, String> {
    let Some(version) = result["protocolVersion"].as_str() else {
        return Err("its answer to `initialize` has no protocol version".to_owned());
    };
    let is_date = version.len() == WITH_SESSIONS.len()
        && version
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'-');
    if is_date && version <= WITHOUT_SESSIONS {
        Ok(Revision::WithSession(version.to_owned()))
    } else {
        Err(format!(
            "it speaks MCP revision `{}`, which langdock does not support",
            shortened(version)
        ))
    }
}

/// Whether a server that failed `initialize` like this may speak the revision without sessions.
pub(super) fn may_be_stateless(error: &RpcError) -> bool {
    let words = error.message.to_ascii_lowercase();
    matches!(error.code, METHOD_NOT_FOUND | UNSUPPORTED_REVISION) || words.contains("initialize")
}

/// Checks the answer to `server/discover`; the error says why there is no common revision.
pub(super) fn check_discovery(result: &Value) -> Result<(), String> {
    let versions = result["supportedVersions"].as_array();
    if versions.is_some_and(|versions| versions.iter().any(|known| known == WITHOUT_SESSIONS)) {
        Ok(())
    } else {
        Err("it speaks no MCP revision that langdock supports".to_owned())
    }
}

/// Whether a server says in its answer to `initialize` or `server/discover` that its list of tools
/// may change.
pub(super) fn announces_changes(result: &Value) -> bool {
    result["capabilities"]["tools"]["listChanged"] == true
}

impl Revision {
    /// Returns the revision of this date, if a connection can speak it.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        if name == WITHOUT_SESSIONS {
            return Some(Self::Stateless);
        }
        revision_of(&json!({ "protocolVersion": name })).ok()
    }

    /// Returns its date.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::WithSession(version) => version,
            Self::Stateless => WITHOUT_SESSIONS,
        }
    }

    /// Returns parameters with what the revision wants in each request. `fields` is the inside of
    /// a JSON object, and `progress` the number of a request that may report progress.
    pub(super) fn params(&self, fields: &str, progress: Option<u64>) -> String {
        let mut meta = serde_json::Map::new();
        if let Some(id) = progress {
            meta.insert("progressToken".to_owned(), Value::from(id));
        }
        if *self == Self::Stateless {
            for (key, value) in [
                ("protocolVersion", Value::from(WITHOUT_SESSIONS)),
                ("clientInfo", client_info()),
                ("clientCapabilities", json!({})),
            ] {
                meta.insert(format!("io.modelcontextprotocol/{key}"), value);
            }
        }
        match (fields, meta.is_empty()) {
            (fields, true) => format!("{{{fields}}}"),
            ("", false) => format!(r#"{{"_meta":{}}}"#, Value::Object(meta)),
            (fields, false) => format!(r#"{{{fields},"_meta":{}}}"#, Value::Object(meta)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_of_an_older_revision_is_spoken_to_in_its_own() {
        for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
            let revision = revision_of(&json!({"protocolVersion": version}));
            assert_eq!(revision, Ok(Revision::WithSession(version.to_owned())));
        }
        for other in [json!("2031-01-01"), json!("latest"), json!(1), Value::Null] {
            assert!(
                revision_of(&json!({"protocolVersion": other})).is_err(),
                "{other}"
            );
        }
        for name in ["2024-11-05", "2026-07-28"] {
            let revision = Revision::from_name(name);
            assert_eq!(revision.as_ref().map(Revision::name), Some(name));
        }
        assert_eq!(Revision::from_name("latest"), None);
        assert!(initialize_params().contains("\"protocolVersion\":\"2025-11-25\""));
    }

    #[test]
    fn a_server_without_initialize_is_asked_what_it_speaks() {
        let error = |code, message: &str| RpcError {
            code,
            message: message.to_owned(),
        };
        assert!(may_be_stateless(&error(-32601, "Method not found")));
        assert!(may_be_stateless(&error(-32022, "")));
        assert!(may_be_stateless(&error(
            -32600,
            "initialize is not supported"
        )));
        assert!(!may_be_stateless(&error(-32603, "the database is gone")));
        assert_eq!(
            check_discovery(&json!({"supportedVersions": ["2026-07-28", "2027-01-01"]})),
            Ok(())
        );
        assert!(check_discovery(&json!({"supportedVersions": ["2027-01-01"]})).is_err());
    }

    #[test]
    fn without_sessions_each_request_says_what_it_speaks() {
        let with_session = Revision::WithSession("2025-11-25".to_owned());
        assert_eq!(with_session.params("", None), "{}");
        assert_eq!(
            with_session.params("\"name\":\"a\"", Some(3)),
            r#"{"name":"a","_meta":{"progressToken":3}}"#
        );
        let params = Revision::Stateless.params("", None);
        let params: Value = serde_json::from_str(&params).expect("params are JSON");
        let meta = &params["_meta"];
        assert_eq!(
            meta["io.modelcontextprotocol/protocolVersion"],
            "2026-07-28"
        );
        assert_eq!(
            meta["io.modelcontextprotocol/clientCapabilities"],
            json!({})
        );
        assert_eq!(
            meta["io.modelcontextprotocol/clientInfo"]["name"],
            "langdock"
        );
    }
}
