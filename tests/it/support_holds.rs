//! The support's own tests: what the other tests stand on holds by itself, without the program
//! under test.

mod events;
mod programs;
mod server;
mod skipping;
mod terminal;
