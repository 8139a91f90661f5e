//! The integration tests, in one binary: they run the program as its users do, against a scripted
//! server.

#![allow(
    clippy::unwrap_used,
    reason = "a test that meets an error it did not expect has failed"
)]

mod advisories;
mod auth;
mod batch;
mod broken_calls;
mod caching;
mod chat;
mod completion;
mod config;
mod config_defaults;
mod continued_answers;
mod costs;
mod demo;
mod doctor;
mod endings;
mod errors;
mod every_family;
mod everyday;
mod exact_numbers;
mod faults;
mod fixtures_hold;
mod flags;
mod flood;
mod generated;
mod help;
mod known_limits;
mod layering;
mod mcp;
mod messages;
mod model_options;
mod models;
mod network;
mod one_engine;
mod output;
mod owned_files;
mod pacing;
mod paged;
mod pictures;
mod pipelines;
mod readme;
mod recording;
mod rendered;
mod requests;
mod rules;
mod secret_guard;
mod secrets;
mod serve;
mod session;
mod shared_ledger;
mod signals;
mod snapshots;
mod sparse_answers;
mod status;
mod stdin;
mod streams;
mod support;
mod support_holds;
mod terminal;
mod tls;
mod tokens;
mod tools;
mod waiting;
