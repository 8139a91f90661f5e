//! Tests of the support code on which the other tests rely, without the program under test.

mod events;
mod programs;
mod server;
mod skipping;
mod terminal;
