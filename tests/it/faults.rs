//! Every command that talks to the endpoint against everything that can go wrong there, on the way,
//! and around it.
//!
//! Two tables: a command is a row in [`commands`], a fault a row in the files beside it. Whatever
//! the pair, the end is the same promise ([`ending`]): the exit code of its kind, one error line,
//! nothing lost of what came, no panic, no key, no hang. What a fault means in detail is asked
//! elsewhere (`streams`, `errors`, `network`, `tls`); here it is that none is forgotten.

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
