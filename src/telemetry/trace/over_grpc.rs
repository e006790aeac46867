//! A batch over gRPC (`trace.protocol = "grpc"`), by tonic's client.

use std::error::Error as _;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use tokio::time::timeout;
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;
use url::Url;

use super::refusal::{NO_CREDENTIALS, NOBODY_THERE, Refusal, told};
use crate::telemetry::settings::TraceSettings;

/// Bytes of a collector's answer, and of its headers, that are read.
const MOST_ANSWER: usize = 64 << 10;
const MOST_HEADERS: u32 = 16 << 10;

/// The way to a collector that takes spans over gRPC.
pub struct OverGrpc {
    endpoint: Endpoint,
    /// Nothing before the first batch, and after one that got lost: a connection that has died without a word would
    /// swallow every batch until the kernel notices.
    client: Option<TraceServiceClient<Channel>>,
    patience: Duration,
}

impl OverGrpc {
    /// # Errors
    /// What the TLS client says if it can't be built on this machine.
    pub fn new(endpoint: &Url, settings: &TraceSettings) -> Result<OverGrpc, String> {
        let build = || {
            let built = Endpoint::from_shared(endpoint.as_str().to_owned())?
                .user_agent(concat!("points-gateway/", env!("CARGO_PKG_VERSION")))?
                .connect_timeout(settings.timeout)
                .http2_max_header_list_size(MOST_HEADERS);
            if endpoint.scheme() != "https" {
                return Ok(built);
            }
            // Certificates are for an address without the brackets that it has in a URL.
            let host = endpoint.host_str().unwrap_or_default().trim_matches(['[', ']']);
            built.tls_config(ClientTlsConfig::new().with_native_roots().domain_name(host))
        };
        let endpoint = build().map_err(|error: tonic::transport::Error| told(&error))?;
        Ok(OverGrpc { endpoint, client: None, patience: settings.timeout })
    }

    /// Sends a batch once; tells how many of its spans were rejected.
    pub async fn send(&mut self, batch: ExportTraceServiceRequest) -> Result<u64, Refusal> {
        let mut client = self.client.take().unwrap_or_else(|| {
            TraceServiceClient::new(self.endpoint.connect_lazy()).max_decoding_message_size(MOST_ANSWER)
        });
        let mut request = Request::new(batch);
        request.set_timeout(self.patience);
        // Around everything: connecting is no part of what the client's own time-out is for.
        let answer = timeout(self.patience, client.export(request)).await;
        let status = match answer {
            Err(_) => return Err(Refusal::lost(format!("no answer within {:?}", self.patience))),
            Ok(Err(status)) if status.source().is_some() => return Err(Refusal::lost(causes(&status))),
            Ok(answer) => {
                self.client = Some(client);
                answer
            }
        };
        let told = status.map_err(|status| refusal(&status))?.into_inner();
        let rejected = told.partial_success.map_or(0, |partial| partial.rejected_spans);
        Ok(u64::try_from(rejected).unwrap_or(0))
    }
}

/// What went wrong on the way. The status itself only repeats it.
fn causes(status: &Status) -> String {
    status.source().map(told).unwrap_or_default()
}

/// What follows from a collector's status, by OTLP's rules; its text stays unread, it could hold anything.
fn refusal(status: &Status) -> Refusal {
    let code = status.code();
    let wait = status.get_details_retry_info().and_then(|info| info.retry_delay);
    let passing = match code {
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => true,
        Code::ResourceExhausted => wait.is_some(), // only then it is about to recover
        _ => false,
    };
    let advice = match code {
        Code::Unimplemented => NOBODY_THERE,
        Code::Unauthenticated | Code::PermissionDenied => NO_CREDENTIALS,
        _ => "",
    };
    Refusal { why: format!("gRPC status {} ({code:?}){advice}", code as i32), passing, wait }
}
