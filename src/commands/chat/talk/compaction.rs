//! Compacting a conversation: its older exchanges are replaced with a summary, until that is taken
//! back.

use super::{AnswerUsage, Mark, PastExchange, Said, SaidOrigin, Talk, is_message};
use crate::error::Error;
use crate::protocol::{ContentBlock, InputMessage, Role};
use crate::session::SummaryExchange;

impl Talk {
    /// Returns the exchanges of the conversation, oldest first.
    pub(in super::super) fn exchanges(&self) -> Vec<PastExchange> {
        let mut exchanges: Vec<PastExchange> = Vec::new();
        let mut add = |begins: bool, before: Mark, bytes: usize, is_summary: bool| match exchanges
            .last_mut()
            .filter(|_| !begins)
        {
            Some(last) => last.bytes += bytes,
            None => exchanges.push(PastExchange {
                before,
                bytes,
                is_summary,
            }),
        };
        match self {
            Self::Saved { kept, .. } => {
                let conversation = kept.conversation();
                for turn in conversation.current_branch() {
                    let begins =
                        turn.role == Role::User && is_message(&conversation.turn_content(turn));
                    add(
                        begins,
                        Mark::Saved(turn.position_before()),
                        turn.stored_bytes(),
                        turn.is_summary_request(),
                    );
                }
            }
            Self::Unsaved { said, .. } => {
                for (place, said) in said.iter().enumerate() {
                    let content = &said.message.content;
                    add(
                        said.message.role == Role::User && is_message(content),
                        Mark::Unsaved(place),
                        content_bytes(content),
                        said.origin == SaidOrigin::SummaryRequest,
                    );
                }
            }
        }
        exchanges
    }

    /// Replaces what stands before a position with a summary; without a position, everything.
    /// Returns whether it did: another process may have continued the conversation meanwhile.
    pub(in super::super) fn compact(
        &mut self,
        place: Option<&Mark>,
        summary: SummaryExchange<'_>,
    ) -> Result<bool, Error> {
        match self {
            Self::Saved { kept, .. } => {
                let conversation = kept.conversation_mut();
                let place = match place {
                    Some(Mark::Saved(place)) => place.clone(),
                    _ => conversation.position_of_tip(),
                };
                Ok(conversation.replace_with_summary(&place, summary)?)
            }
            Self::Unsaved {
                said,
                compacted,
                answers,
                ..
            } => {
                let model = summary.context.sent_to.map(|target| &target.model);
                answers.push(AnswerUsage {
                    model: model.unwrap_or(&summary.answer.model).clone(),
                    usage: summary.answer.usage.clone(),
                });
                let older = match place {
                    Some(Mark::Unsaved(place)) => *place,
                    _ => said.len(),
                };
                let copies = said[older..].iter().map(|said| Said {
                    origin: SaidOrigin::Copy,
                    context_tokens: None,
                    ..said.clone()
                });
                let mut next = vec![
                    Said {
                        origin: SaidOrigin::SummaryRequest,
                        ..Said::from_message(InputMessage {
                            role: Role::User,
                            content: summary.request.to_vec(),
                        })
                    },
                    Said {
                        origin: SaidOrigin::Summary,
                        ..Said::from_message(InputMessage {
                            role: Role::Assistant,
                            content: summary.answer.content.clone(),
                        })
                    },
                ];
                next.extend(copies);
                compacted.push(std::mem::replace(said, next));
                Ok(true)
            }
        }
    }

    /// Undoes the last compaction, if nothing was said since, and returns whether it did.
    pub(in super::super) fn undo_compaction(&mut self) -> Result<bool, Error> {
        match self {
            Self::Saved { kept, .. } => {
                let Some(place) = kept.conversation().position_before_summary() else {
                    return Ok(false);
                };
                kept.conversation_mut().move_to(&place)?;
                Ok(true)
            }
            Self::Unsaved {
                said, compacted, ..
            } => {
                let is_new = said
                    .last()
                    .is_none_or(|last| last.origin == SaidOrigin::Exchange);
                if is_new {
                    return Ok(false);
                }
                let before = compacted.pop();
                let is_undone = before.is_some();
                *said = before.unwrap_or_default();
                Ok(is_undone)
            }
        }
    }
}

/// Returns about how many bytes the content of a message has.
fn content_bytes(content: &[ContentBlock]) -> usize {
    serde_json::to_string(content).map_or(0, |json| json.len())
}
