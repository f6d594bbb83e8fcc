//! An answer before it is sent, and the error formats of the two services.

use std::time::Duration;

use serde_json::json;
use time::OffsetDateTime;
use time::format_description::FormatItem;
use time::macros::format_description;

use super::credentials::random;
use super::policy::uuid;

/// The date of HTTP headers (RFC 9110, section 5.6.7).
const HTTP_DATE: &[FormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

/// How an answer is delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Delivery {
    /// Completely.
    #[default]
    Whole,
    /// Half of the body; then the connection closes.
    CutBody,
    /// Nothing, for as long as the client waits.
    Never,
    /// A connection reset instead.
    Reset,
}

/// An answer that is ready to be sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
    pub(super) delivery: Delivery,
    pub(super) latency: Duration,
}

impl Answer {
    /// Creates an answer with the headers that every answer of AWS has: its date and a request id.
    pub(super) fn new(status: u16, content_type: &str, body: String, now: OffsetDateTime) -> Self {
        let date = now.to_offset(time::UtcOffset::UTC).format(HTTP_DATE).unwrap_or_default();
        let headers = vec![
            ("content-type", content_type.to_owned()),
            ("date", date),
            ("x-amzn-requestid", request_id()),
        ];
        Self { status, headers, body: body.into_bytes(), ..Self::default() }
    }

    /// Creates a JSON answer.
    pub(super) fn json(status: u16, body: &serde_json::Value, now: OffsetDateTime) -> Self {
        Self::new(status, "application/json", body.to_string(), now)
    }

    /// Creates an error of Roles Anywhere: the code in `X-Amzn-ErrorType`, the message in the body.
    pub(super) fn error(status: u16, code: &str, message: &str, now: OffsetDateTime) -> Self {
        let mut answer = Self::json(status, &json!({ "message": message }), now);
        answer.headers.push(("x-amzn-errortype", code.to_owned()));
        answer
    }

    /// Creates the answer to a throttled request.
    pub(super) fn throttled(retry_after: Option<u32>, now: OffsetDateTime) -> Self {
        let mut answer = Self::error(429, "ThrottlingException", "Rate exceeded", now);
        answer.headers.extend(retry_after.map(|seconds| ("retry-after", seconds.to_string())));
        answer
    }

    /// Creates an HTML page, as from a proxy.
    pub(super) fn html(status: u16, now: OffsetDateTime) -> Self {
        let body =
            format!("<html><head><title>{status}</title></head><body><h1>Proxy: {status}</h1></body></html>");
        let mut answer = Self::new(status, "text/html", body, now);
        answer.headers.retain(|(name, _)| *name != "x-amzn-requestid");
        answer
    }

    /// Creates an XML answer of STS.
    pub(super) fn xml(status: u16, body: String, now: OffsetDateTime) -> Self {
        Self::new(status, "text/xml", body, now)
    }

    /// Returns the answer's request id.
    pub(super) fn request_id(&self) -> &str {
        self.headers.iter().find(|(name, _)| *name == "x-amzn-requestid").map_or("", |(_, id)| id)
    }
}

/// Returns a new request id in the form of a UUID.
fn request_id() -> String {
    random::<16>().map_or_else(|_| uuid(&[0; 16]), |bytes| uuid(&*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_is_in_the_form_of_http() {
        let answer = Answer::new(200, "text/plain", String::new(), OffsetDateTime::UNIX_EPOCH);
        assert_eq!(answer.headers[1], ("date", "Thu, 01 Jan 1970 00:00:00 GMT".to_owned()));
        assert_eq!(answer.request_id().len(), 36);
    }
}
