//! What the server sees of `langdock send`: the head, the body, where it goes, and what files
//! become.

mod body;
mod conversation;
mod endpoint;
mod environment;
mod files;
mod folders;
mod head;
mod limits;
mod templates;
mod tools;
