//! The files that the program keeps: whole or not at all, and for nobody else to read.

mod atomic_write;
mod private_dir;

pub(crate) use atomic_write::{AtomicWrite, Durability, atomic_write, replace_link};
pub(crate) use private_dir::create_private_dir;
