//! A server that is spoken to: from the first message to the last.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Url};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::board::{Answer, MessageBoard, ProgressSender};
use super::call_result::{CallResult, read_result};
use super::message::{OutgoingMessage, RpcError};
use super::revision::{
    Revision, announces_changes, check_discovery, initialize_params, may_be_stateless, revision_of,
};
use super::stdio_link::StdioLink;
use super::tool_page::{ListedTool, MAX_PAGES, read_page};
use super::web_link::WebLink;
use crate::guard::ChildCommand;
use crate::protocol::ExactJson;

/// How long the news of a cancelled call may take to be sent.
const CANCEL_TIMEOUT: Duration = Duration::from_millis(200);

/// How many progress notifications may wait to be shown.
const PROGRESS_QUEUE: usize = 8;

/// How many times its time limit a call may take while the server reports progress.
const MAX_RENEWALS: u32 = 10;

/// A server that has answered.
#[derive(Debug)]
pub(crate) struct McpConnection {
    link: Link,
    greeting: Greeting,
    /// Hears what a server on the web says outside of its responses; it ends with the connection.
    listener: JoinSet<()>,
}

/// What a server and this program have agreed on.
#[derive(Debug)]
struct Greeting {
    revision: Revision,
    /// Whether the server says that its list of tools may change.
    may_change: bool,
}

/// What a server is reached by.
#[derive(Debug)]
enum Link {
    Stdio(StdioLink),
    Web(Arc<WebLink>),
}

/// What to connect to, with everything that was looked up for it.
pub(crate) enum ServerAddress {
    /// A program to start.
    Process(ChildCommand),
    /// An address, with the client and the headers to reach it.
    Web(Box<(Client, Url, HeaderMap)>),
}

/// Why there is no agreement on the revision without sessions.
enum DiscoveryFailure {
    /// The server does not know the question.
    Refused,
    /// It speaks none of our revisions; the reason, in words.
    Unknown(String),
}

/// Why a server did not start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StartFailure {
    /// The reason.
    pub(crate) reason: String,
    /// The last lines of its standard error.
    pub(crate) last_lines: Vec<String>,
}

/// A server that has answered, with its tools, or why there is none.
pub(crate) type StartedServer = Result<(McpConnection, Vec<ListedTool>), StartFailure>;

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CallEnd {
    /// With a result, which may be that it failed.
    Result(CallResult),
    /// The server refused it, or ended; the reason.
    Failed(String),
    /// It took too long: the limit.
    TimedOut(Duration),
    /// It was cancelled.
    Cancelled,
}

impl ServerAddress {
    /// Creates the address of a web server. The error names the header that cannot be sent, and
    /// not its value, which may be a token.
    pub(crate) fn for_web(
        client: Client,
        url: Url,
        headers: &[(String, String)],
    ) -> Result<Self, String> {
        let header = |(name, value): &(String, String)| {
            let wrong = || format!("`{name}` is not a valid header");
            let mut value = HeaderValue::from_str(value.trim()).map_err(|_| wrong())?;
            value.set_sensitive(true);
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
            Ok((name, value))
        };
        let headers: HeaderMap = headers.iter().map(header).collect::<Result<_, String>>()?;
        Ok(Self::Web(Box::new((client, url, headers))))
    }
}

impl McpConnection {
    /// Starts a server or connects to it, agrees on a revision and asks for its tools, all within
    /// `limit` from `begun` on. `remembered` is the revision that it spoke the last time.
    pub(crate) async fn open(
        address: ServerAddress,
        remembered: Option<Revision>,
        begun: Instant,
        limit: Duration,
    ) -> StartedServer {
        let failed = |reason: String, last_lines| StartFailure { reason, last_lines };
        let link = match address {
            ServerAddress::Process(command) => {
                let started = StdioLink::start(&command).await;
                Link::Stdio(started.map_err(|error| failed(error.to_string(), Vec::new()))?)
            }
            ServerAddress::Web(parts) => {
                let (client, url, headers) = *parts;
                Link::Web(Arc::new(WebLink::new(client, url, headers)))
            }
        };
        let mut listener = JoinSet::new();
        let ready = timeout_at(begun + limit, link.start(remembered, &mut listener)).await;
        let ready = ready.unwrap_or_else(|_| {
            let seconds = crate::text::format_seconds(limit);
            Err(format!("it was not ready after its `timeout` of {seconds}"))
        });
        match ready {
            Ok((greeting, tools)) => {
                let connection = Self {
                    link,
                    greeting,
                    listener,
                };
                Ok((connection, tools))
            }
            Err(reason) => {
                let last_lines = link.board().last_lines();
                link.end().await;
                Err(failed(reason, last_lines))
            }
        }
    }

    /// Returns the revision that it speaks.
    pub(crate) fn revision(&self) -> &Revision {
        &self.greeting.revision
    }

    /// Asks for its tools again; the error says why there is no list.
    pub(crate) async fn list_tools(&self, limit: Duration) -> Result<Vec<ListedTool>, String> {
        let listed = timeout(limit, self.link.list_tools(self.revision())).await;
        listed.unwrap_or_else(|_| {
            let seconds = crate::text::format_seconds(limit);
            Err(format!("it did not list its tools within {seconds}"))
        })
    }

    /// Calls a tool. `input` is a JSON object. The call is given up when `cancelled` ends, when
    /// neither its result nor news of it came for as long as `limit`, and in any case after
    /// [`MAX_RENEWALS`] times that.
    pub(crate) async fn call(
        &self,
        tool: &str,
        input: &str,
        limit: Duration,
        progress: &(dyn Fn(&str) + Send + Sync),
        cancelled: impl Future<Output = ()>,
    ) -> CallEnd {
        let id = self.link.board().next_id();
        let fields = format!(r#""name":{},"arguments":{input}"#, Value::from(tool));
        let params = self.revision().params(&fields, Some(id));
        let request = OutgoingMessage::request(id, "tools/call", &params).for_tool(tool);
        let (news, mut is_alive) = mpsc::channel::<String>(PROGRESS_QUEUE);
        let answer = self.link.request_in_session(request, Some(news));
        tokio::pin!(answer, cancelled);
        let started = Instant::now();
        let latest = started + limit * MAX_RENEWALS;
        let mut deadline = started + limit;
        let end = loop {
            tokio::select! {
                biased;
                answer = &mut answer => return match answer {
                    Ok(Ok(result)) => match read_result(&result) {
                        Ok(result) => CallEnd::Result(result),
                        Err(reason) => CallEnd::Failed(reason),
                    },
                    Ok(Err(RpcError { message, .. })) => CallEnd::Failed(message),
                    Err(reason) => CallEnd::Failed(reason),
                },
                Some(words) = is_alive.recv() => {
                    deadline = latest.min(Instant::now() + limit);
                    progress(&words);
                }
                () = &mut cancelled => break CallEnd::Cancelled,
                () = sleep_until(deadline) => {
                    let is_latest = deadline == latest;
                    break CallEnd::TimedOut(if is_latest { latest - started } else { limit });
                }
            }
        };
        self.link.cancel(id, self.revision()).await;
        end
    }

    /// Returns whether the list of tools may have changed since this was last asked: the server
    /// said so, or is one on the web, which may have no way to say so between two requests.
    pub(crate) fn take_list_change(&self) -> bool {
        let may_be_unheard = matches!(self.link, Link::Web(_)) && self.greeting.may_change;
        self.link.board().take_list_change() || may_be_unheard
    }

    /// Returns the first line that was not a message, once.
    pub(crate) fn take_first_noise(&self) -> Option<String> {
        self.link.board().take_first_noise()
    }

    /// Returns what it printed to standard error since this was last asked; of much, the end.
    pub(crate) fn drain_printed_lines(&self) -> String {
        self.link.board().drain_printed_lines()
    }

    /// Ends the server, or the session with it.
    pub(crate) async fn close(self) {
        drop(self.listener);
        self.link.close().await;
    }
}

impl Link {
    fn board(&self) -> &MessageBoard {
        match self {
            Self::Stdio(link) => link.board(),
            Self::Web(link) => &link.board,
        }
    }

    /// Agrees on a revision, and asks for the tools.
    async fn start(
        &self,
        remembered: Option<Revision>,
        listener: &mut JoinSet<()>,
    ) -> Result<(Greeting, Vec<ListedTool>), String> {
        let greeting = match remembered {
            // What it spoke the last time, unless it has changed its mind.
            Some(Revision::Stateless) => match self.discover().await {
                Ok(Ok(greeting)) => greeting,
                _ => self.greet().await?,
            },
            Some(Revision::WithSession(_)) | None => self.greet().await?,
        };
        if let (Self::Web(link), Revision::WithSession(_)) = (self, &greeting.revision) {
            let link = Arc::clone(link);
            listener.spawn(async move { link.listen().await });
        }
        let tools = self.list_tools(&greeting.revision).await?;
        Ok((greeting, tools))
    }

    /// Agrees on a revision by `initialize`, or without it where the server does not know that.
    async fn greet(&self) -> Result<Greeting, String> {
        match self.ask("initialize", &initialize_params()).await? {
            Ok(result) => {
                let greeting = Greeting {
                    revision: revision_of(&result)?,
                    may_change: announces_changes(&result),
                };
                self.set_revision(Some(&greeting.revision));
                self.notify("notifications/initialized", "").await;
                Ok(greeting)
            }
            Err(error) if may_be_stateless(&error) => match self.discover().await? {
                // It said that it does not know the other way to begin.
                Err(DiscoveryFailure::Refused) => Err(error.message),
                Err(DiscoveryFailure::Unknown(reason)) => Err(reason),
                Ok(greeting) => Ok(greeting),
            },
            Err(error) => Err(error.message),
        }
    }

    /// Agrees on the revision without sessions. The outer error is that there is no answer.
    async fn discover(&self) -> Result<Result<Greeting, DiscoveryFailure>, String> {
        let revision = Revision::Stateless;
        self.set_revision(Some(&revision));
        let answer = self
            .ask("server/discover", &revision.params("", None))
            .await;
        let Ok(Ok(result)) = answer else {
            self.set_revision(None);
            return answer.map(|_| Err(DiscoveryFailure::Refused));
        };
        let may_change = announces_changes(&result);
        let greeting = Greeting {
            revision,
            may_change,
        };
        let checked = check_discovery(&result).map_err(DiscoveryFailure::Unknown);
        Ok(checked.map(|()| greeting))
    }

    async fn list_tools(&self, revision: &Revision) -> Result<Vec<ListedTool>, String> {
        // What changes from here on makes another list.
        self.board().take_list_change();
        let mut tools = Vec::new();
        let mut cursor: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let fields = cursor
                .as_ref()
                .map(|cursor| format!(r#""cursor":{}"#, Value::from(cursor.as_str())));
            let params = revision.params(fields.as_deref().unwrap_or_default(), None);
            let id = self.board().next_id();
            let request = OutgoingMessage::request(id, "tools/list", &params);
            let result = self.request_in_session(request, None).await?;
            let page = read_page(&result.map_err(|error| error.message)?)?;
            tools.extend(page.tools);
            match page.next_cursor {
                Some(next) if cursor.as_ref() != Some(&next) => cursor = Some(next),
                _ => return Ok(tools),
            }
        }
        Err(format!("its list of tools has more than {MAX_PAGES} pages"))
    }

    fn set_revision(&self, revision: Option<&Revision>) {
        if let Self::Web(link) = self {
            link.set_revision(revision);
        }
    }

    async fn ask(&self, method: &'static str, params: &str) -> Answer {
        let id = self.board().next_id();
        let request = OutgoingMessage::request(id, method, params);
        self.request(request, None).await
    }

    async fn request(&self, request: OutgoingMessage, progress: Option<ProgressSender>) -> Answer {
        match (self, request.id) {
            (Self::Stdio(link), Some(id)) => {
                let answer = link.board().expect(id, progress);
                link.send(request.text).await;
                let answer = answer.await;
                answer.unwrap_or_else(|_| Err("the request was abandoned".to_owned()))
            }
            (Self::Stdio(link), None) => {
                link.send(request.text).await;
                Ok(Ok(ExactJson::default()))
            }
            (Self::Web(link), _) => link.exchange(request, progress).await,
        }
    }

    /// Sends a request; if the server no longer knows the session, it is sent once more in a new
    /// one, as the specification demands. A server that does not know the session has not done
    /// anything.
    async fn request_in_session(
        &self,
        request: OutgoingMessage,
        progress: Option<ProgressSender>,
    ) -> Answer {
        let Self::Web(link) = self else {
            return self.request(request, progress).await;
        };
        let answer = self.request(request.clone(), progress.clone()).await;
        if !link.take_lost_session() {
            return answer;
        }
        self.greet().await?;
        self.request(request, progress).await
    }

    async fn notify(&self, method: &'static str, params: &str) {
        let message = OutgoingMessage::notification(method, params);
        // A server that refuses it shows that by its next answer.
        let _ = self.request(message, None).await;
    }

    /// Records that nobody waits for an answer any more.
    async fn cancel(&self, id: u64, revision: &Revision) {
        self.board().forget(id);
        let method = "notifications/cancelled";
        let fields = format!(
            r#""requestId":{id},"reason":{}"#,
            json!("cancelled by the user or a timeout")
        );
        let params = revision.params(&fields, None);
        match self {
            Self::Stdio(link) => {
                link.try_send(OutgoingMessage::notification(method, &params).text);
            }
            Self::Web(_) => {
                let _ = timeout(CANCEL_TIMEOUT, self.notify(method, &params)).await;
            }
        }
    }

    /// Ends a server that did not start in the background: nobody has to wait for it.
    async fn end(self) {
        match self {
            Self::Stdio(link) => drop(link),
            Self::Web(link) => {
                let _ = timeout(CANCEL_TIMEOUT, link.close()).await;
            }
        }
    }

    async fn close(self) {
        match self {
            Self::Stdio(link) => link.close().await,
            Self::Web(link) => {
                let _ = timeout(CANCEL_TIMEOUT * 5, link.close()).await;
            }
        }
    }
}
