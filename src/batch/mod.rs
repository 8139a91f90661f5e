//! The data model of a batch: a template filled from many items, the records of their results, and
//! what remains to be done.
//!
//! Pure: files, requests and the terminal are handled by the command. A record is a line of JSON,
//! written as soon as its item is done. However a run ends, the next one can skip the items that
//! are done.

mod budget;
mod cost_forecast;
mod earlier_records;
mod item;
mod item_key;
mod item_matcher;
mod item_template;
mod merge;
mod ordered_records;
mod output_order;
mod progress;
mod read_lines;
mod record;
mod shard;

pub(crate) use budget::{BatchBudget, BudgetRefusal};
pub(crate) use cost_forecast::{CostForecast, MIN_FORECAST_ITEMS, RequestSample, SAMPLE_REQUESTS};
pub(crate) use earlier_records::{EarlierOutcome, EarlierRecords};
pub(crate) use item::{BatchItem, ItemPlace, ItemReader};
pub(crate) use item_key::ItemKey;
pub(crate) use item_matcher::ItemMatcher;
pub(crate) use item_template::{ItemTemplate, UnfilledFields};
pub(crate) use merge::{InputItem, MergeFlaws, MergeReport, RecordMerger};
pub(crate) use ordered_records::OrderedRecords;
pub(crate) use output_order::{OutputOrder, PlacedRecord};
pub(crate) use progress::BatchProgress;
pub(crate) use read_lines::{OutputEnding, for_each_item, for_each_record};
pub(crate) use record::{
    ItemResult, RecordLine, RecordSummary, prompt_hash, request_hash, shorten_hash,
};
pub(crate) use shard::{BatchShard, ShardChoice};

/// An error in a template or in an item.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    /// The template is not valid.
    #[error("invalid template: {0}")]
    Pattern(String),
    /// The template names a field that an item does not have.
    #[error(
        "{place} has no field `{field}`, which the template uses; its fields are: {}",
        .known.join(", ")
    )]
    UnknownField {
        /// Where the item is, for messages.
        place: String,
        /// The field that the template names.
        field: String,
        /// The fields of the item.
        known: Vec<String>,
    },
    /// The template names a field that no item has.
    #[error(
        "no item of {input} has the field `{field}`, which the template uses; the fields of the \
         first item are: {}",
        .known.join(", ")
    )]
    UnfilledField {
        /// The input's name, for messages.
        input: String,
        /// The field that the template names.
        field: String,
        /// The fields of the first item that is well formed.
        known: Vec<String>,
        /// Whether the items are lines of text.
        is_text: bool,
    },
    /// A line is not a JSON object, although the first line is one.
    #[error("{place} is not a JSON object ({reason}), although the first line is one")]
    NoObject {
        /// Where the line is, for messages.
        place: String,
        /// The parser's message.
        reason: String,
    },
    /// `--shard auto` without a scheduler.
    #[error(
        "`--shard auto`: found no Slurm array (SLURM_ARRAY_TASK_ID), parallel GitLab job \
         (CI_NODE_INDEX) or, with `auto/N`, indexed Kubernetes Job (JOB_COMPLETION_INDEX)"
    )]
    NoShard,
    /// The scheduler does not provide the number of shards.
    #[error(
        "`--shard auto`: {variable} says which shard this is, but no variable says how many shards \
         there are"
    )]
    ShardCount {
        /// The variable with the number of this shard.
        variable: &'static str,
    },
    /// The variables of schedulers do not name a shard.
    #[error("`--shard auto`: {0}")]
    Shard(String),
}
