//! Every command that talks to the endpoint, with everything that can go wrong there, on the way,
//! and on this machine.
//!
//! There are two tables: a command is a row in [`commands`], a fault a row in the files next to it.
//! For each pair, the outcome keeps the same promise ([`ending`]): the exit code of its kind, one
//! error line, nothing received is lost, no panic, no key, no hang. The details of a fault are
//! tested elsewhere (`streams`, `errors`, `network`, `tls`); these tests ensure that no combination
//! is forgotten.

mod body;
mod commands;
mod ending;
mod events;
mod head;
mod local;
mod process;
mod signals;
mod talk;
mod way;
