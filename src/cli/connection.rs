//! The connection flags, shared by every command that talks to the endpoint.

use std::path::PathBuf;

use clap::Args;

use super::setting_flags::SettingFlags;
use super::value::{not_blank, replay_pace};
use super::{CacheArgs, InputArgs, OutputArgs, RequestArgs};
use crate::config::{Flags, RecordFiles};
use crate::recording::ReplayPace;

/// How to reach the endpoint
#[derive(Debug, Clone, Default, PartialEq, Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct ConnectionArgs {
    /// The settings with a flag
    #[command(flatten)]
    pub(crate) settings: SettingFlags,
    /// Profile in the config file
    #[arg(long, value_name = "NAME", value_parser = not_blank)]
    pub(crate) profile: Option<String>,
    /// Read the API key from this file instead of LANGDOCK_API_KEY
    #[arg(long, value_name = "FILE")]
    pub(crate) api_key_file: Option<PathBuf>,
    /// Send at once, ignoring the limits on requests and tokens per minute
    ///
    /// Without this flag, all your langdock processes wait in one queue, so that together they stay
    /// within the limits.
    #[arg(long)]
    pub(crate) no_pace: bool,
    /// Take answers from the built-in scripted endpoint, without a model or a key
    ///
    /// Conversations with --demo are stored separately: `langdock --demo session list` lists them.
    #[arg(long, conflicts_with = "base_url")]
    pub(crate) demo: bool,
    /// Append each request and its response to this file
    ///
    /// The key, cookies and proxy passwords are never written. Nothing that this machine remembers,
    /// such as a model picked earlier, affects a recorded request. --replay takes answers from the
    /// file.
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// Take answers from a file written by --record, without an endpoint or a key
    ///
    /// If a request is not in the file, the exit code is 3; with --record, the request is sent and
    /// recorded instead. Conversations are stored with those of --demo.
    #[arg(long, value_name = "FILE")]
    pub(crate) replay: Option<PathBuf>,
    /// With --replay: `fast` skips all waits, `real` waits as long as the recording did [default:
    /// fast]
    #[arg(long, value_name = "PACE", value_parser = replay_pace())]
    pub(crate) replay_pace: Option<ReplayPace>,
}

impl ConnectionArgs {
    /// Returns these flags, with those from `before` where none are given here.
    pub(super) fn or(mut self, before: Self) -> Self {
        self.settings.0.fill_from(&before.settings.0);
        Self {
            settings: self.settings,
            profile: self.profile.or(before.profile),
            api_key_file: self.api_key_file.or(before.api_key_file),
            no_pace: self.no_pace || before.no_pace,
            demo: self.demo || before.demo,
            record: self.record.or(before.record),
            replay: self.replay.or(before.replay),
            replay_pace: self.replay_pace.or(before.replay_pace),
        }
    }

    /// Returns whether nothing is sent, and so no key is read.
    pub(crate) fn is_answered_here(&self) -> bool {
        self.demo || self.replay.is_some() && self.record.is_none()
    }

    /// Returns whether the flag of a setting was given.
    pub(crate) fn sets(&self, key: &str) -> bool {
        self.settings.0.contains(key)
    }

    /// Returns only the profile and the flags of these settings.
    pub(crate) fn profile_and(&self, keys: &[&str]) -> Self {
        let mut settings = self.settings.clone();
        settings.0.retain(keys);
        Self {
            settings,
            profile: self.profile.clone(),
            ..Self::default()
        }
    }

    /// Returns the settings of these flags, together with those of the request, input and output
    /// flags.
    /// The model may come from a file that the flags name.
    pub(crate) fn flags(
        &self,
        model: Option<String>,
        request: &RequestArgs,
        output: &OutputArgs,
        caching: &CacheArgs,
        input: &InputArgs,
    ) -> Flags {
        let mut flags = self.own_flags();
        let allow_truncated = output.allow_truncated.then_some(true);
        flags.settings.set_flag("model", model);
        flags.settings.set_flag("max_tokens", request.max_tokens());
        flags.settings.set_flag("allow_truncated", allow_truncated);
        flags
            .settings
            .set_flag("auto_continue", output.auto_continue.clone());
        flags.settings.set_flag("cache", caching.cache.clone());
        flags
            .settings
            .set_flag("image_size", input.image_size.clone());
        flags
            .settings
            .set_flag("secrets_mode", input.secrets.clone());
        flags
    }

    /// Returns the settings of these flags.
    pub(crate) fn own_flags(&self) -> Flags {
        let given = self.clone();
        Flags {
            settings: given.settings.0,
            profile: given.profile,
            api_key_file: given.api_key_file,
            no_pace: given.no_pace,
            records: RecordFiles {
                record: given.record,
                replay: given.replay,
                pace: given.replay_pace.unwrap_or_default(),
            },
        }
    }
}
