//! The program's own files: written atomically, private to the user, and never through a link that
//! somebody else may have put in their place.

mod atomic_write;
mod external_sort;
mod file_refusal;
mod private_dir;
mod private_file;
mod program_trust;
mod search_path;
mod side_file;
mod torn_line;

pub(crate) use atomic_write::{AtomicWrite, Durability, atomic_write, replace_link};
pub(crate) use external_sort::{ExternalSort, SortedEntries, SortedEntry};
pub(crate) use file_refusal::FileRefusal;
pub(crate) use private_dir::create_private_dir;
pub(crate) use private_file::{
    FileDistrust, check_trusted, is_group_writable, may_block, open_or_create_private,
    open_private, open_regular, read_regular, read_trusted,
};
pub(crate) use program_trust::check_trusted_program;
pub(crate) use search_path::{KEY_VARIABLE, child_command, child_variable, search_directories};
pub(crate) use side_file::{
    SideFile, check_replaceable, create_draft, open_existing, open_or_create, resolve_links,
};
pub(crate) use torn_line::is_torn;
