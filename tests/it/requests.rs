//! What the server sees of `langdock send`: the headers, the body, where it goes, and the content
//! of files.

mod body;
mod conversation;
mod directories;
mod endpoint;
mod environment;
mod file_selection;
mod files;
mod head;
mod limits;
mod templates;
mod thinking_history;
mod tools;
