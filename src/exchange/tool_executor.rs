//! What runs a call of the model's: a child process for each call, or a server that is running.

use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::watch;

use super::tool_servers::{CallProgress, ToolServers};
use crate::config::inherited_var;
use crate::guard::ChildGuard;
use crate::media::ImageSize;
use crate::protocol::ToolUse;
use crate::text::KnownSecrets;
use crate::tool::{Job, Outcome, Stop, ToolSet, run};

/// Runs calls that were checked and approved.
pub(crate) trait ToolExecutor: Send + Sync {
    /// Runs a call to its end, or until it is stopped. A failure is an outcome as well: the model
    /// gets it as the result.
    fn call<'c>(
        &'c self,
        call: &'c ToolUse,
        stop: watch::Receiver<Stop>,
        progress: CallProgress,
    ) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'c>>;
}

/// Runs the calls of a server's tools there, and each other call as a child process.
pub(crate) struct LocalExecutor {
    /// How the images that tools return are changed.
    pub(crate) image_size: ImageSize,
    pub(crate) tools: Arc<ToolSet>,
    /// What no variable of a tool may have, and no result.
    pub(crate) secrets: Arc<KnownSecrets>,
    /// What starts them.
    pub(crate) guard: Arc<ChildGuard>,
    /// The servers.
    pub(crate) servers: Arc<ToolServers>,
}

impl ToolExecutor for LocalExecutor {
    fn call<'c>(
        &'c self,
        call: &'c ToolUse,
        stop: watch::Receiver<Stop>,
        progress: CallProgress,
    ) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'c>> {
        Box::pin(async move {
            let ready = match self.tools.find(&call.name) {
                Ok(ready) => ready,
                Err(why) => return Outcome::error(why),
            };
            if let Some(tool) = &ready.tool.server {
                let servers = &self.servers;
                let called = servers.call(tool, &call.input, self.image_size, stop, progress);
                let outcome = called.await;
                return outcome.without_secrets(&self.secrets);
            }
            let job = Job {
                call,
                ready,
                variable: inherited_var,
                secrets: &self.secrets,
                guard: &self.guard,
                image_size: self.image_size,
            };
            run(&job, stop).await.without_secrets(&self.secrets)
        })
    }
}
