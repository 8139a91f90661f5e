//! From a request to its answer: what every command that asks a model shares.
//!
//! `setup` reads settings and input, `prepare` makes the request, `engine` sends it through
//! `driver`, the one loop over the events of a call, and `finish` says what its ending means.
//! `whole_answer`, above the engine, continues an answer that was cut off.
//! `prepared_exchange` puts the first steps together for a command that sends one prompt.
//! `tool_loop` and `structured` send more than one request. `session_recorder` and `request_log`
//! keep what was said and what it took.

pub(crate) mod answer_format;
mod answer_joiner;
pub(crate) mod answer_parts;
mod cache_context;
pub(crate) mod conversation_target;
mod cost_limit;
pub(crate) mod credentials;
pub(crate) mod driver;
pub(crate) mod engine;
pub(crate) mod fetched_list;
pub(crate) mod finish;
pub(crate) mod model_catalog;
mod model_limits;
pub(crate) mod model_options;
pub(crate) mod named_servers;
pub(crate) mod option_learner;
pub(crate) mod prepare;
pub(crate) mod prepared_exchange;
pub(crate) mod progress;
pub(crate) mod request_log;
pub(crate) mod run_tools;
pub(crate) mod selected_model;
pub(crate) mod server_plan;
pub(crate) mod session_recorder;
pub(crate) mod settings;
pub(crate) mod setup;
pub(crate) mod structured;
pub(crate) mod tool_executor;
pub(crate) mod tool_loop;
pub(crate) mod tool_runner;
pub(crate) mod tool_servers;
mod whole_answer;
