//! What is known about models without asking: the seed's four, from Langdock's own page of mid-2024.

/// The models of the seed. All are retired upstream; a workspace may still name them.
pub(crate) const SEED_MODELS: [&str; 4] =
    ["claude-3-5-sonnet-20240620", "claude-3-sonnet-20240229", "claude-3-haiku-20240307", "claude-3-opus-20240229"];

/// The most tokens to write where nobody says how many: 4096 for the seed's models, which take no more, else 8192.
pub(crate) fn default_max_tokens(model: &str) -> u64 {
    if SEED_MODELS.contains(&model) { 4096 } else { 8192 }
}
