//! The usage log: one line for each request, its totals, and what it teaches about token estimates.
//!
//! It never contains content, keys or prompts, and never leaves this machine.

mod factors;
mod log;
mod record;
mod sums;

pub(crate) use factors::CalibrationFactors;
pub(crate) use log::UsageLog;
pub(crate) use record::{COMPLETE, UsageRecord};
pub(crate) use sums::{CostTotals, RecordCost, UsageGroup, UsageSummary, UsageTotals};
