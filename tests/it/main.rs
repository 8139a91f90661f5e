//! The integration tests, in one binary: they run the program as its users do, against a scripted server.

#![allow(clippy::unwrap_used, reason = "a test that meets an error it did not expect has failed")]

mod endings;
mod errors;
mod fixtures_hold;
mod network;
mod signals;
mod streams;
mod support;
mod support_holds;
mod tls;
mod waiting;
