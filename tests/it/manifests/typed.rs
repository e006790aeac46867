//! An object of Kubernetes through its Rust type and back: what comes back is what Kubernetes would have understood.

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What is wrong with an object: fields that its type doesn't know, values of another kind. Objects of others pass.
pub fn faults(object: &Value) -> Vec<String> {
    let understood = match object["kind"].as_str().unwrap_or_default() {
        "ConfigMap" => there_and_back::<ConfigMap>(object),
        "Deployment" => there_and_back::<Deployment>(object),
        "HorizontalPodAutoscaler" => there_and_back::<HorizontalPodAutoscaler>(object),
        "Ingress" => there_and_back::<Ingress>(object),
        "NetworkPolicy" => there_and_back::<NetworkPolicy>(object),
        "PodDisruptionBudget" => there_and_back::<PodDisruptionBudget>(object),
        "Secret" => there_and_back::<Secret>(object),
        "Service" => there_and_back::<Service>(object),
        "ServiceAccount" => there_and_back::<ServiceAccount>(object),
        "StatefulSet" => there_and_back::<StatefulSet>(object),
        "HTTPRoute" | "UpstreamSettingsPolicy" => return Vec::new(),
        other => return vec![format!("{other} is no kind that these tests know: add it")],
    };
    match understood {
        Ok(understood) => {
            let mut lost = Vec::new();
            compare(object, &understood, "", &mut lost);
            lost
        }
        Err(why) => vec![why.to_string()],
    }
}

fn there_and_back<T: DeserializeOwned + Serialize>(object: &Value) -> Result<Value, serde_json::Error> {
    // As text: a type that borrows names would not take them from a value.
    serde_json::to_value(serde_json::from_str::<T>(&object.to_string())?)
}

/// Notes every field of `written` that is missing from `understood`, or is another value there.
fn compare(written: &Value, understood: &Value, place: &str, lost: &mut Vec<String>) {
    match (written, understood) {
        (Value::Object(fields), Value::Object(known)) => {
            for (name, value) in fields {
                let place = format!("{place}.{name}");
                match known.get(name) {
                    Some(known) => compare(value, known, &place, lost),
                    // Nothing and an empty list are the same to Kubernetes.
                    None if value.as_array().is_some_and(Vec::is_empty) => {}
                    None => lost.push(format!("{place} is no field")),
                }
            }
        }
        (Value::Array(items), Value::Array(known)) if items.len() == known.len() => {
            for (number, (item, known)) in items.iter().zip(known).enumerate() {
                compare(item, known, &format!("{place}[{number}]"), lost);
            }
        }
        _ if written == understood => {}
        _ => lost.push(format!("{place} is {written}, and {understood} to Kubernetes")),
    }
}
