//! What was asked and what it took: a log of one line a request, its sums, and what it teaches
//! about estimates.
//!
//! No content, no key and no prompt is ever in it. It never leaves this machine.

mod factors;
mod log;
mod record;
mod sums;

pub(crate) use factors::CalibrationFactors;
pub(crate) use log::UsageLog;
pub(crate) use record::{COMPLETE, UsageRecord};
pub(crate) use sums::{UsageGroup, UsageSummary, UsageTotals};
