//! The files that the program writes beside those of the user: whole or not at all, for nobody else
//! to read, and never through what somebody else has put in their place.

mod atomic_write;
mod private_dir;
mod side_file;

pub(crate) use atomic_write::{AtomicWrite, Durability, atomic_write, replace_link};
pub(crate) use private_dir::create_private_dir;
pub(crate) use side_file::{
    FileRefusal, SideFile, create_draft, open_existing, open_or_create, resolve_links,
};
