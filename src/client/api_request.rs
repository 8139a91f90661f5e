//! What a call requests: an answer, or the list of models. The rest of a call is the same for both.

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Method, Url};

use super::ApiClient;
use super::models::{ListedModel, ModelPage};
use crate::protocol::ApiError;
use crate::recording::RequestKey;

/// The longest page of a list that is read, in bytes.
const MAX_PAGE_BYTES: usize = 2 * 1024 * 1024;

/// The most models that are asked for: a list whose pages never end must not be followed for ever.
const MAX_MODELS: usize = 10_000;

/// What a call requests.
#[derive(Debug)]
pub(super) enum ApiRequest {
    /// `POST …/v1/messages`
    Answer {
        /// What is sent, shared by all attempts.
        body: Bytes,
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
        let body = self.body().map(|body| &body[..]);
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
    pub(super) fn body(&self) -> Option<&Bytes> {
        match self {
            Self::Answer { body, .. } => Some(body),
            Self::Models(_) => None,
        }
    }
}

impl ModelListing {
    /// Appends a piece of a page; the error is an excerpt of what came instead of one.
    pub(super) fn push_bytes(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.page.extend_from_slice(bytes);
        if self.page.len() <= MAX_PAGE_BYTES {
            Ok(())
        } else {
            Err(self.excerpt())
        }
    }

    /// Discards an interrupted page.
    pub(super) fn forget_page(&mut self) {
        self.page.clear();
    }

    /// Reads the completed page, and returns whether there is another one; the error is as in
    /// `push_bytes`.
    pub(super) fn turn_page(&mut self) -> Result<bool, String> {
        let page = ModelPage::from_body(&self.page).ok_or_else(|| self.excerpt())?;
        self.page.clear();
        if page.next.is_some() && page.next == self.after {
            // The page before once more: the server does not know how to turn one.
            return Ok(false);
        }
        self.models.extend(page.models);
        self.after = page.next;
        Ok(self.after.is_some() && self.models.len() < MAX_MODELS)
    }

    /// Returns the models of all pages.
    pub(super) fn into_models(self) -> Vec<ListedModel> {
        self.models
    }

    /// Returns whether JSON came instead of a page.
    pub(super) fn is_json(&self) -> bool {
        serde_json::from_slice::<serde::de::IgnoredAny>(&self.page).is_ok()
    }

    fn excerpt(&self) -> String {
        ApiError::from_body(None, &self.page).message
    }
}
