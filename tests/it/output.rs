//! The output of `langdock send`: the answer in all its forms, byte for byte, and the messages on
//! stderr.

mod at_the_end;
mod color;
mod copy;
mod extract;
mod file;
mod json;
mod json_lines;
mod looking;
mod messages;
mod plain;
pub(crate) mod side_file;
mod tools;
