//! `langdock serve`: the flags of the scripted endpoint. It has no connection flags, because it is
//! the server.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::ConnectionArgs;
use super::help_text;
use super::value::{at_least_one, key_word, port, rate, replay_pace, whole_number};
use crate::demo::FaultRates;
use crate::recording::ReplayPace;
use crate::text::parse_duration;

#[derive(Debug, Args)]
#[command(about = help_text::SERVE.about, long_about = help_text::SERVE.long_about)]
pub(crate) struct ServeArgs {
    /// The profile and the region of the base URL that it prints
    #[arg(skip)]
    pub(crate) connection: ConnectionArgs,
    /// Port; 0 chooses a free one [default: 0]
    #[arg(long, value_name = "N", value_parser = port, allow_negative_numbers = true)]
    pub(crate) port: Option<u16>,
    /// The only key to accept [default: any]
    #[arg(long, value_name = "KEY", value_parser = key_word)]
    pub(crate) key: Option<String>,
    /// Requests per minute, for each key and model
    ///
    /// Requests over the limit get HTTP 429 with retry-after; the x-ratelimit headers report what
    /// is left.
    #[arg(long, value_name = "N", value_parser = at_least_one, allow_negative_numbers = true)]
    pub(crate) rpm: Option<u64>,
    /// Tokens per minute, for each key and model
    ///
    /// A request reserves its input and its max_tokens; once it is answered, its actual use counts
    /// instead. A request that exceeds the limit by itself gets the header x-should-retry: false.
    #[arg(long, value_name = "N", value_parser = at_least_one, allow_negative_numbers = true)]
    pub(crate) tpm: Option<u64>,
    /// Delay before the first byte of an answer [default: 0s]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, allow_hyphen_values = true)]
    pub(crate) latency: Option<Duration>,
    /// Speed of answers [default: unlimited]
    #[arg(long, value_name = "TOKENS_PER_SECOND", value_parser = rate, allow_negative_numbers = true)]
    pub(crate) rate: Option<f64>,
    /// Faults to simulate, each with its share of the requests from 0 to 1
    ///
    /// KIND is an HTTP status (400 to 529), or a fault in the middle of an answer: `cut` closes the
    /// connection, `stall` sends nothing more, and `error-event` sends an event saying that the
    /// server is overloaded (HTTP 529 if the answer is not streamed). For example --fail
    /// 429:0.1,529:0.05,cut:0.02
    #[arg(long, value_name = "KIND:SHARE,...")]
    pub(crate) fail: Option<FaultRates>,
    /// With --fail: seed for choosing the requests that fail [default: random, and printed]
    #[arg(long, value_name = "N", requires = "fail", value_parser = whole_number, allow_negative_numbers = true)]
    pub(crate) seed: Option<u64>,
    /// Append a line of JSON for each request to this file, without the key or the content
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,
    /// Take answers from a file written by --record instead of the script
    ///
    /// A repeated request gets its recorded answers in order, and then the last answer again. A
    /// request that is not in the file gets HTTP 400, and the error names the closest recorded
    /// request. Only requests to a loopback host without an Origin header are answered; without
    /// --key, no key is needed.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["rpm", "tpm", "latency", "rate", "fail"])]
    pub(crate) replay: Option<PathBuf>,
    /// With --replay: `fast` skips all waits, `real` waits as long as the recording did [default:
    /// fast]
    #[arg(long, value_name = "PACE", requires = "replay", value_parser = replay_pace())]
    pub(crate) replay_pace: Option<ReplayPace>,
}
