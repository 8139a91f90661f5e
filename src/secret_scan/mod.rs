//! Finds secrets in text that is about to be sent: keys and tokens of known services by their
//! published formats, private keys, and the values of `.env` files. Pure.
//!
//! A rule has a prefix that its provider chose in order to be found, and the shape of what follows.
//! Nothing is found for looking random: text that a model is asked about is full of hashes and
//! identifiers, and a guard that is wrong too often gets turned off.
//!
//! The scan is one pass that looks up three bytes at each place (`anchor`). The expression of a
//! rule is compiled only once its prefix has occurred, so that a text without one costs next to
//! nothing.

mod anchor;
mod env_file;
mod example;
mod fingerprint;
mod inline_text;
mod mask;
mod policy;
mod rules;
mod scan;
#[cfg(test)]
mod tests;

pub(crate) use fingerprint::Fingerprint;
pub(crate) use mask::{SecretNumbers, highest_number, mask};
pub(crate) use policy::{CustomRule, SecretMode, SecretPolicy, is_rule_name, rules};
pub(crate) use scan::FoundSecret;
