//! A batch over HTTP, as protobuf (`trace.protocol = "http/protobuf"`).

use std::time::Duration;

use http::StatusCode;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message as _;
use url::Url;

use super::refusal::{NO_CREDENTIALS, NOBODY_THERE, Refusal, told};
use crate::telemetry::settings::{TraceSettings, USUAL_PATH};

/// Bytes of a collector's answer that are read.
const MOST_ANSWER: usize = 64 << 10;

/// The way to a collector that takes spans over HTTP.
pub struct OverHttp {
    client: reqwest::Client,
    endpoint: Url,
}

impl OverHttp {
    /// # Errors
    /// What the TLS client says if it can't be built on this machine.
    pub fn new(mut endpoint: Url, settings: &TraceSettings) -> Result<OverHttp, String> {
        if endpoint.path() == "/" {
            endpoint.set_path(USUAL_PATH);
        }
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .timeout(settings.timeout)
            .user_agent(concat!("points-gateway/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| error.to_string())?;
        Ok(OverHttp { client, endpoint })
    }

    /// Sends a batch once; tells how many of its spans were rejected.
    pub async fn send(&self, batch: &ExportTraceServiceRequest) -> Result<u64, Refusal> {
        let request = self
            .client
            .post(self.endpoint.clone())
            .header(CONTENT_TYPE, "application/x-protobuf")
            .body(batch.encode_to_vec());
        // The address may hold a key of the collector's; it is in the configuration, and in no log.
        let lost = |error: reqwest::Error| Refusal::lost(told(&error.without_url()));
        let mut response = request.send().await.map_err(lost)?;
        if !response.status().is_success() {
            return Err(refusal(&response));
        }
        let mut answer = Vec::new();
        while let Some(part) = response.chunk().await.map_err(lost)? {
            if answer.len() + part.len() > MOST_ANSWER {
                return Ok(0); // it took them; what else it says is not worth the memory
            }
            answer.extend_from_slice(&part);
        }
        let told = ExportTraceServiceResponse::decode(answer.as_slice()).unwrap_or_default();
        let rejected = told.partial_success.map_or(0, |partial| partial.rejected_spans);
        Ok(u64::try_from(rejected).unwrap_or(0))
    }
}

fn refusal(response: &reqwest::Response) -> Refusal {
    let status = response.status();
    let passing = matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    );
    let advice = match status {
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => NOBODY_THERE,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => NO_CREDENTIALS,
        _ => "",
    };
    let seconds = response.headers().get(RETRY_AFTER).and_then(|after| after.to_str().ok()?.parse().ok());
    let why = format!("status {}{advice}", status.as_u16());
    Refusal { why, passing, wait: seconds.map(Duration::from_secs) }
}
