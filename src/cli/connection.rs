//! The flags of the connection, which every command has that talks to the endpoint.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};

use super::value::{not_blank, small_number};
use super::{Output, Request};
use crate::config::{Flags, parse_duration, parse_timeout};

/// How to reach the endpoint
#[derive(Debug, Clone, Default, PartialEq, Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct Connection {
    /// Region: eu, us, global, ch
    ///
    /// Requests go to this region and to no other one. Any other slug is sent with a notice.
    /// [default: eu]
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// Base URL, as an Anthropic SDK takes it; {region} in it is replaced
    ///
    /// A trailing /v1 or /v1/messages is dropped; https://api.langdock.com alone and a base that
    /// ends in /api/public get /anthropic/{region} appended. [default:
    /// https://api.langdock.com/anthropic/{region}]
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub(crate) base_url: Option<String>,
    /// Profile of the config file
    #[arg(long, value_name = "NAME", value_parser = not_blank)]
    pub(crate) profile: Option<String>,
    /// Read the API key from this file instead of LANGDOCK_API_KEY
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) api_key_file: Option<PathBuf>,
    /// For a connection to come about [default: 5s]
    #[arg(long, value_name = "DURATION", value_parser = parse_timeout, allow_hyphen_values = true)]
    pub(crate) connect_timeout: Option<Duration>,
    /// With no byte moving [default: 120s streamed, 600s not]
    #[arg(long, value_name = "DURATION", value_parser = parse_timeout, allow_hyphen_values = true)]
    pub(crate) idle_timeout: Option<Duration>,
    /// For the whole call, waiting included [default: none]
    #[arg(long, value_name = "DURATION", value_parser = parse_timeout, allow_hyphen_values = true)]
    pub(crate) timeout: Option<Duration>,
    /// Tries after the first one; 0 for none [default: 8]
    ///
    /// Nothing is tried again once a part of the answer has arrived.
    #[arg(long, value_name = "N", value_parser = small_number, allow_negative_numbers = true)]
    pub(crate) max_retries: Option<u32>,
    /// Time spent waiting between tries, in all [default: 120s]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, allow_hyphen_values = true)]
    pub(crate) max_wait: Option<Duration>,
    /// Send at once, whatever the limits of requests and tokens a minute
    ///
    /// Otherwise all processes of a user wait for their turn, so that together they stay within the
    /// limits.
    #[arg(long)]
    pub(crate) no_pace: bool,
    /// Proxy for every request that leaves this machine
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub(crate) proxy: Option<String>,
    /// PEM file of the certificates to trust, instead of the bundled ones and the system's
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) cacert: Option<PathBuf>,
    /// Allow plain http to another machine
    #[arg(long)]
    pub(crate) allow_http: bool,
    /// Answer from the built-in endpoint: scripted answers, no model, no key
    ///
    /// Its conversations are kept apart, and `langdock --demo session list` lists them.
    #[arg(long, conflicts_with = "base_url")]
    pub(crate) demo: bool,
}

impl Connection {
    /// These flags, and where they say nothing, those of `before`.
    pub(super) fn or(self, before: Self) -> Self {
        Self {
            region: self.region.or(before.region),
            base_url: self.base_url.or(before.base_url),
            profile: self.profile.or(before.profile),
            api_key_file: self.api_key_file.or(before.api_key_file),
            connect_timeout: self.connect_timeout.or(before.connect_timeout),
            idle_timeout: self.idle_timeout.or(before.idle_timeout),
            timeout: self.timeout.or(before.timeout),
            max_retries: self.max_retries.or(before.max_retries),
            max_wait: self.max_wait.or(before.max_wait),
            no_pace: self.no_pace || before.no_pace,
            proxy: self.proxy.or(before.proxy),
            cacert: self.cacert.or(before.cacert),
            allow_http: self.allow_http || before.allow_http,
            demo: self.demo || before.demo,
        }
    }

    /// What these flags say, and those of the request and the output.
    pub(crate) fn flags(&self, request: &Request, output: &Output) -> Flags {
        Flags {
            model: request.model.clone(),
            max_tokens: request.max_tokens,
            allow_truncated: output.allow_truncated,
            ..self.own_flags()
        }
    }

    /// What these flags say.
    pub(crate) fn own_flags(&self) -> Flags {
        let given = self.clone();
        Flags {
            region: given.region,
            base_url: given.base_url,
            profile: given.profile,
            api_key_file: given.api_key_file,
            connect_timeout: given.connect_timeout,
            idle_timeout: given.idle_timeout,
            timeout: given.timeout,
            max_retries: given.max_retries,
            max_wait: given.max_wait,
            no_pace: given.no_pace,
            proxy: given.proxy,
            cacert: given.cacert,
            allow_http: given.allow_http,
            ..Flags::default()
        }
    }
}
