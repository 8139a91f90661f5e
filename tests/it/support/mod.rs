//! The foundation of the integration tests: the program, a terminal, a scripted server and the
//! streams it sends.
//!
//! Nothing here uses the product's types: what goes over the wire is bytes, text or plain JSON.
//! Nothing sleeps: a test waits for what must have happened (output, a request, a disconnect) and
//! opens a [`gate::Gate`] for what may happen next. Every wait has the same generous [`DEADLINE`],
//! and the test fails if it passes.

pub(crate) mod capture;
pub(crate) mod command;
pub(crate) mod events;
pub(crate) mod failure;
pub(crate) mod gate;
pub(crate) mod home;
pub(crate) mod installed;
pub(crate) mod mcp_server;
pub(crate) mod outcome;
pub(crate) mod picture;
pub(crate) mod process;
pub(crate) mod pty;
pub(crate) mod redis;
pub(crate) mod reply;
pub(crate) mod request;
pub(crate) mod running;
pub(crate) mod screen;
pub(crate) mod secret_search;
pub(crate) mod sending;
pub(crate) mod server;
pub(crate) mod serving;
pub(crate) mod socks;
pub(crate) mod tls;
pub(crate) mod wire;

use std::time::Duration;

/// How long a test waits for something that happens immediately unless it is broken.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);
