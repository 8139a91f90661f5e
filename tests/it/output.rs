//! What comes out of `langdock send`: the answer in all its forms, byte for byte, and what is said
//! beside it.

mod at_the_end;
mod color;
mod extract;
mod file;
mod json;
mod json_lines;
mod looking;
mod messages;
mod plain;
pub(crate) mod side_file;
mod tools;
