//! The signatures of scripted thinking.
//!
//! They reveal a client that alters a thinking block, or that sends it in a conversation other than
//! the one it was produced in.
//!
//! Source: Anthropic's page `build-with-claude/preserved-thinking`, and for the binding of Haiku
//! 5.5 its `whats-new` page.

use super::fingerprint::Fingerprint;
use super::model_rules::ThinkingBinding;

/// The prefix of the script's own signatures.
const OURS: &str = "c2NyaXB0ZWQ-";

/// Hexadecimal digits of each number in a signature.
const DIGITS: usize = 8;

/// What a thinking block is bound to: short hashes of everything before it, ignoring cache
/// breakpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ThinkingSeal {
    /// The key.
    pub(super) account: u32,
    /// The model.
    pub(super) model: u32,
    /// The effort, if it must stay the same throughout a conversation; otherwise 0.
    pub(super) effort: u32,
    /// The system prompt.
    pub(super) system: u32,
    /// The tools.
    pub(super) tools: u32,
    /// The earlier messages, without thinking.
    pub(super) messages: u32,
    /// The previous thinking block; 0 if there is none.
    pub(super) previous: u32,
}

/// Why a thinking block is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SealMismatch {
    /// The endpoint did not sign this text.
    Altered,
    /// It belongs to another conversation; the sentence says which part differs.
    Elsewhere(&'static str),
}

impl ThinkingSeal {
    /// Signs a thinking text.
    pub(super) fn sign(&self, thinking: &str) -> String {
        let text = short_hash(Fingerprint::of_text(thinking));
        [
            text,
            self.account,
            self.model,
            self.effort,
            self.system,
            self.tools,
            self.messages,
            self.previous,
        ]
        .iter()
        .fold(OURS.to_owned(), |signature, number| {
            signature + &format!("{number:08x}")
        })
    }

    /// Checks that a thinking block is unchanged and in the place where it was signed.
    pub(super) fn check(
        &self,
        thinking: &str,
        signature: &str,
        binding: ThinkingBinding,
    ) -> Result<(), SealMismatch> {
        let (text, signed) = parse_signature(signature).ok_or(SealMismatch::Altered)?;
        if text != short_hash(Fingerprint::of_text(thinking)) {
            return Err(SealMismatch::Altered);
        }
        let is_bound = binding == ThinkingBinding::Conversation;
        // Clients may drop the oldest thinking, so the first remaining block may have no
        // predecessor.
        let follows = self.previous == 0 || self.previous == signed.previous;
        let differences = [
            (
                self.model != signed.model,
                "The model differs from the one this block was created with.",
            ),
            (
                !is_bound && self.account != signed.account,
                "The account differs from the one this block was created with.",
            ),
            (
                is_bound && self.system != signed.system,
                "The `system` prompt differs from the one this block was created with.",
            ),
            (
                is_bound && self.tools != signed.tools,
                "The `tools` differ from those this block was created with.",
            ),
            (
                is_bound && self.messages != signed.messages,
                "The `messages` before this block differ from those it was created with.",
            ),
            (
                is_bound && self.effort != 0 && signed.effort != 0 && self.effort != signed.effort,
                "The effort differs from the one this block was created with.",
            ),
            (
                is_bound && !follows,
                "The `thinking` block that preceded this one when it was created is missing from \
                 this request.",
            ),
        ];
        match differences.iter().find(|(differs, _)| *differs) {
            Some((_, sentence)) => Err(SealMismatch::Elsewhere(sentence)),
            None => Ok(()),
        }
    }
}

/// Returns the short hash with which a thinking block refers to its predecessor.
pub(super) fn signature_hash(signature: &str) -> u32 {
    short_hash(Fingerprint::of_text(signature))
}

/// The prefix of the ids of scripted calls.
const CALL_ID: &str = "toolu_demo_";

/// Returns the id of call `number` in a conversation.
///
/// It refers to the thinking before the call, if any, so that an answer sent back without its
/// thinking is detected.
pub(super) fn call_id(number: usize, thinking: Option<&str>) -> String {
    let suffix = thinking.map(|signature| format!("_{}", call_suffix(signature)));
    format!("{CALL_ID}{number}{}", suffix.unwrap_or_default())
}

/// Returns the suffix of the id of a call that follows thinking with this signature.
pub(super) fn call_suffix(signature: &str) -> String {
    format!("{:08x}", signature_hash(signature))
}

/// Returns the suffix of a call's id, if the call followed thinking.
pub(super) fn suffix_of_call(id: &str) -> Option<&str> {
    let (_, suffix) = id.strip_prefix(CALL_ID)?.split_once('_')?;
    Some(suffix)
}

/// Returns half of a hash, never 0.
pub(super) fn short_hash(hash: u64) -> u32 {
    let folded = (hash ^ (hash >> 32)) & u64::from(u32::MAX);
    u32::try_from(folded).unwrap_or_default().max(1)
}

fn parse_signature(signature: &str) -> Option<(u32, ThinkingSeal)> {
    let digits = signature.strip_prefix(OURS)?;
    let number = |place: usize| {
        let at = place * DIGITS;
        u32::from_str_radix(digits.get(at..at + DIGITS)?, 16).ok()
    };
    (digits.len() == 8 * DIGITS).then_some(())?;
    let seal = ThinkingSeal {
        account: number(1)?,
        model: number(2)?,
        effort: number(3)?,
        system: number(4)?,
        tools: number(5)?,
        messages: number(6)?,
        previous: number(7)?,
    };
    Some((number(0)?, seal))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEAL: ThinkingSeal = ThinkingSeal {
        account: 1,
        model: 2,
        effort: 0,
        system: 3,
        tools: 4,
        messages: 5,
        previous: 0,
    };

    #[test]
    fn altered_thinking_does_not_fit_its_signature() {
        let signature = SEAL.sign("first this");
        let check = |thinking, signature: &str| {
            SEAL.check(thinking, signature, ThinkingBinding::Conversation)
        };
        assert_eq!(check("first this", &signature), Ok(()));
        assert_eq!(check("first that", &signature), Err(SealMismatch::Altered));
        for foreign in [
            "",
            "EqQBCgIYAhIM",
            &signature[..40],
            &format!("{signature}0"),
        ] {
            assert_eq!(
                check("first this", foreign),
                Err(SealMismatch::Altered),
                "{foreign}"
            );
        }
    }

    #[test]
    fn a_block_is_bound_to_the_conversation_or_to_the_account() {
        let signature = SEAL.sign("hm");
        let other_system = ThinkingSeal { system: 9, ..SEAL };
        let other_account = ThinkingSeal { account: 9, ..SEAL };
        for (seal, binding, fits) in [
            (other_system, ThinkingBinding::Conversation, false),
            (other_system, ThinkingBinding::Account, true),
            (other_account, ThinkingBinding::Conversation, true),
            (other_account, ThinkingBinding::Account, false),
        ] {
            let checked = seal.check("hm", &signature, binding);
            assert_eq!(checked.is_ok(), fits, "{seal:?} {binding:?}");
        }
    }

    #[test]
    fn the_oldest_thinking_may_be_dropped_but_none_between() {
        let second = ThinkingSeal {
            previous: 7,
            ..SEAL
        };
        let signature = second.sign("hm");
        for (previous, fits) in [(7, true), (0, true), (6, false)] {
            let seal = ThinkingSeal { previous, ..SEAL };
            let checked = seal.check("hm", &signature, ThinkingBinding::Conversation);
            assert_eq!(checked.is_ok(), fits, "{previous}");
        }
    }
}
