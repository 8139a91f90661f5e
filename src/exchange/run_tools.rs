//! The tools of a run, from files and from servers, checked and with what the user allows.

use std::sync::Arc;

use super::model_catalog::ModelCatalog;
use super::named_servers::named_servers;
use super::tool_loop::{approval_policy, checked_tools};
use super::tool_runner::ReadyTools;
use super::tool_servers::{StartingServers, ToolServers, report_cost};
use crate::app::App;
use crate::cli;
use crate::compose::sources::RequestSources;
use crate::config::ToolNames;
use crate::error::Error;
use crate::media::ImageSize;
use crate::tool::refuse_same_names;

/// The tools of a run, whose servers may still be starting.
pub(crate) struct RunTools<'a> {
    app: &'a App,
    flags: &'a cli::ToolPolicyArgs,
    allowed: ToolNames,
    image_size: ImageSize,
    starting: Option<StartingServers>,
    servers: Arc<ToolServers>,
    ready: Option<ReadyTools>,
}

impl<'a> RunTools<'a> {
    /// Checks the tools of files, and begins to start the servers of `--mcp`. `is_sent` says
    /// whether a request will be.
    pub(crate) async fn begin(
        app: &'a App,
        flags: &'a cli::ToolPolicyArgs,
        catalog: &ModelCatalog<'_>,
        sources: &mut RequestSources,
        is_sent: bool,
    ) -> Result<Self, Error> {
        let settings = catalog.settings();
        let mut run = Self {
            app,
            flags,
            allowed: settings.tools.clone(),
            image_size: settings.image_size,
            starting: None,
            servers: Arc::default(),
            ready: None,
        };
        if flags.mcp.is_empty() {
            run.ready = Some(run.check(sources)?);
            return Ok(run);
        }
        checked_tools(sources.tools.clone())?;
        let specs = named_servers(app, &flags.mcp, &settings.servers).await?;
        if is_sent {
            // It has to be known to be kept from them.
            catalog.key().await?;
        }
        let starting = StartingServers::start(app, specs, settings).await?;
        run.starting = Some(starting);
        Ok(run)
    }

    /// Waits for the servers, and adds their tools to those of files.
    pub(crate) async fn finish(&mut self, sources: &mut RequestSources) -> Result<(), Error> {
        if let Some(starting) = self.starting.take() {
            self.servers = Arc::new(starting.wait(self.app).await?);
            let tools = self.servers.tools(self.app);
            report_cost(self.app, &tools);
            sources.tools.extend(tools);
            refuse_same_names(&sources.tools)?;
            self.ready = Some(self.check(sources)?);
        }
        Ok(())
    }

    fn check(&self, sources: &RequestSources) -> Result<ReadyTools, Error> {
        let tools = Arc::new(checked_tools(sources.tools.clone())?);
        let policy = approval_policy(self.flags, &self.allowed, &tools)?;
        Ok(ReadyTools {
            tools,
            policy,
            image_size: self.image_size,
            servers: Arc::clone(&self.servers),
        })
    }

    /// Hands over the tools, which [`Self::finish`] has completed.
    pub(crate) fn take_ready(&mut self) -> ReadyTools {
        self.ready.take().expect("the servers were waited for")
    }

    /// Ends the servers, however far the run has come. Nothing else may hold its tools any more.
    pub(crate) async fn close(self) {
        if let Some(starting) = self.starting {
            starting.close().await;
        }
        drop(self.ready);
        ToolServers::close(self.servers, self.app).await;
    }
}
