//! From a request to its answer: what every command that asks a model shares.

pub(crate) mod answer_format;
pub(crate) mod driver;
pub(crate) mod engine;
pub(crate) mod finish;
pub(crate) mod model_catalog;
pub(crate) mod prepare;
pub(crate) mod request_log;
pub(crate) mod session_recorder;
pub(crate) mod settings;
pub(crate) mod setup;
pub(crate) mod structured;
pub(crate) mod tool_loop;
pub(crate) mod tool_runner;
