//! What a call requests: an answer, or the list of models. The rest of a call is the same for both.

use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Method, Url};

use super::ApiClient;
use super::models::{ListedModel, ModelPage};
use crate::protocol::{ApiError, RequestBody};
use crate::recording::RequestKey;
use crate::text::{JsonShape, Mebibytes};

/// What a list of models exceeds. Langdock's has one page of some dozens of models, with about a
/// kilobyte for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ModelListLimit {
    /// A page.
    #[error("a page of it is larger than {MAX_PAGE}")]
    Page,
    /// All pages: a list whose pages never end is not followed for ever.
    #[error("it has more than {MAX_PAGES} pages")]
    Pages,
    /// What the models take once they are parsed.
    #[error("its JSON takes more than {MAX_LIST} of memory")]
    Values,
}

const MAX_PAGE: Mebibytes = Mebibytes(4);
const MAX_PAGES: usize = 100;
const MAX_LIST: Mebibytes = Mebibytes(16);

/// What is wrong with a list of models.
#[derive(Debug)]
pub(super) enum ListFlaw {
    /// It is something else; an excerpt of it.
    NotAList(String),
    /// It is too long.
    TooLong(ModelListLimit),
}

/// What a call requests.
#[derive(Debug)]
pub(super) enum ApiRequest {
    /// `POST …/v1/messages`
    Answer {
        /// What is sent, shared by all attempts.
        body: RequestBody,
        /// Whether the answer comes as events.
        stream: bool,
    },
    /// `GET …/v1/models`
    Models(ModelListing),
}

/// A list while it comes, page by page.
#[derive(Debug, Default)]
pub(super) struct ModelListing {
    /// The last model of the page before.
    after: Option<String>,
    /// What has come of this page.
    page: Vec<u8>,
    /// The models of the pages before.
    models: Vec<ListedModel>,
    /// The pages before.
    pages: usize,
    /// The memory that the pages take, in bytes.
    tree_bytes: usize,
}

impl ApiRequest {
    /// Returns the HTTP method.
    pub(super) fn method(&self) -> Method {
        match self {
            Self::Answer { .. } => Method::POST,
            Self::Models(_) => Method::GET,
        }
    }

    /// Returns the URL.
    pub(super) fn url(&self, client: &ApiClient) -> Url {
        match self {
            Self::Answer { .. } => client.endpoint.messages_url(),
            Self::Models(listing) => client.endpoint.models_url(listing.after.as_deref()),
        }
    }

    /// Returns what it is found by in a record.
    pub(super) fn record_key(&self, client: &ApiClient) -> RequestKey {
        let (method, url) = (self.method(), self.url(client));
        let body = self.body().map(RequestBody::to_json);
        let body = body.as_deref().map(String::from_utf8_lossy);
        let body = body.as_ref().map(|body| client.scrub_known(body));
        let body = body.as_ref().map(String::as_bytes);
        RequestKey::from_request(method.as_str(), url.as_str(), body)
            .expect("what is sent has one of the two routes that a record has")
    }

    /// Returns the headers; a request without a body has no content type.
    pub(super) fn headers(&self, client: &ApiClient) -> HeaderMap {
        match self {
            Self::Answer { stream, .. } => client.request_headers(*stream),
            Self::Models(_) => {
                let mut headers = client.request_headers(false);
                headers.remove(CONTENT_TYPE);
                headers
            }
        }
    }

    /// Returns the body, if there is one.
    pub(super) fn body(&self) -> Option<&RequestBody> {
        match self {
            Self::Answer { body, .. } => Some(body),
            Self::Models(_) => None,
        }
    }
}

impl ModelListing {
    /// Appends a piece of a page.
    pub(super) fn push_bytes(&mut self, bytes: &[u8]) -> Result<(), ListFlaw> {
        self.page.extend_from_slice(bytes);
        if self.page.len() <= MAX_PAGE.bytes() {
            Ok(())
        } else {
            Err(ListFlaw::TooLong(ModelListLimit::Page))
        }
    }

    /// Discards an interrupted page.
    pub(super) fn forget_page(&mut self) {
        self.page.clear();
    }

    /// Reads the completed page, and returns whether there is another one.
    pub(super) fn turn_page(&mut self) -> Result<bool, ListFlaw> {
        self.tree_bytes += JsonShape::of_text(&self.page).tree_bytes;
        if self.tree_bytes > MAX_LIST.bytes() {
            return Err(ListFlaw::TooLong(ModelListLimit::Values));
        }
        let page = ModelPage::from_body(&self.page).ok_or_else(|| self.not_a_list())?;
        self.page.clear();
        if page.next.is_some() && page.next == self.after {
            // The page before once more: the server does not know how to turn one.
            return Ok(false);
        }
        self.models.extend(page.models);
        self.after = page.next;
        self.pages += 1;
        if self.after.is_some() && self.pages >= MAX_PAGES {
            return Err(ListFlaw::TooLong(ModelListLimit::Pages));
        }
        Ok(self.after.is_some())
    }

    /// Returns the models of all pages.
    pub(super) fn into_models(self) -> Vec<ListedModel> {
        self.models
    }

    /// Returns whether JSON came instead of a page.
    pub(super) fn is_json(&self) -> bool {
        serde_json::from_slice::<serde::de::IgnoredAny>(&self.page).is_ok()
    }

    fn not_a_list(&self) -> ListFlaw {
        ListFlaw::NotAList(ApiError::from_body(None, &self.page).message)
    }
}
