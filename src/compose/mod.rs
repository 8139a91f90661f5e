//! From flags, files and standard input to a request.

pub(crate) mod build;
#[cfg(test)]
mod cache_courses;
pub(crate) mod cache_marks;
pub(crate) mod cache_policy;
pub(crate) mod curl;
pub(crate) mod dry_run;
pub(crate) mod external_editor;
pub(crate) mod history_fit;
pub(crate) mod model_fit;
pub(crate) mod named_text;
pub(crate) mod output_limit;
pub(crate) mod own_marks;
pub(crate) mod picture_fitting;
pub(crate) mod preflight;
pub(crate) mod prompt_parts;
pub(crate) mod request_spec;
pub(crate) mod secret_guard;
pub(crate) mod shared_prefix;
pub(crate) mod sources;
pub(crate) mod template_files;
pub(crate) mod thinking_binding;
pub(crate) mod tool_files;
pub(crate) mod user_turn;
