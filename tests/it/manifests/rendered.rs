//! What `deploy/` amounts to: each overlay as `kubectl kustomize` renders it. Where there is no kubectl, the base and
//! what the fleet adds to it, by hand.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use points_gateway::config::{Config, Fault, Sources};
use serde::Deserialize as _;
use serde_json::Value;

/// Everything that one way of deploying applies.
pub struct Rendered {
    pub name: String,
    pub documents: Vec<Value>,
}

pub fn deploy(inside: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(inside)
}

pub fn read(inside: &str) -> String {
    fs::read_to_string(deploy(inside)).unwrap_or_else(|why| panic!("{inside}: {why}"))
}

/// The documents of a YAML file.
pub fn documents(text: &str) -> Vec<Value> {
    yaml_serde::Deserializer::from_str(text).map(|one| Value::deserialize(one).unwrap()).collect()
}

/// The gateway alone, and the fleet; both rendered, which costs kubectl a moment each.
pub fn overlays() -> Vec<Rendered> {
    those(&["fleet", "single"])
}

/// What stands before a fleet: every other overlay.
pub fn entrances() -> Vec<Rendered> {
    let folders = fs::read_dir(deploy("overlays")).unwrap();
    let mut names: Vec<_> =
        folders.map(|folder| folder.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name != "fleet" && name != "single");
    names.sort();
    for expected in ["gateway-api", "ingress"] {
        assert!(names.iter().any(|name| name == expected), "there is no overlay {expected}");
    }
    those(&names.iter().map(String::as_str).collect::<Vec<_>>())
}

fn those(names: &[&str]) -> Vec<Rendered> {
    if Command::new("kubectl").args(["version", "--client"]).output().is_err() {
        return vec![base()];
    }
    names.iter().map(|name| Rendered { documents: kustomize(name), name: (*name).into() }).collect()
}

fn kustomize(overlay: &str) -> Vec<Value> {
    let output =
        Command::new("kubectl").arg("kustomize").arg(deploy("overlays").join(overlay)).output().unwrap();
    assert!(output.status.success(), "{overlay}: {}", String::from_utf8_lossy(&output.stderr));
    documents(&String::from_utf8(output.stdout).unwrap())
}

fn base() -> Rendered {
    let mut found = Vec::new();
    for resource in documents(&read("base/kustomization.yaml"))[0]["resources"].as_array().unwrap() {
        found.extend(documents(&read(&format!("base/{}", resource.as_str().unwrap()))));
    }
    found.push(serde_json::json!({
        "kind": "ConfigMap", "metadata": {"name": "points-gateway"}, "data": {"gateway.toml": read("base/gateway.toml")},
    }));
    Rendered { name: "base".into(), documents: found }
}

impl Rendered {
    pub fn of_kind(&self, kind: &str) -> Vec<&Value> {
        self.documents.iter().filter(|document| document["kind"] == kind).collect()
    }

    /// The only one of its kind with this name, the hash at its end left out.
    pub fn named(&self, kind: &str, name: &str) -> &Value {
        let is_named = |document: &&&Value| {
            let full = document["metadata"]["name"].as_str().unwrap();
            full == name
                || (kind == "ConfigMap" && full.rsplit_once('-').is_some_and(|(stem, _)| stem == name))
        };
        let found: Vec<_> = self.of_kind(kind).iter().filter(is_named).copied().collect();
        assert_eq!(found.len(), 1, "{}: {kind} {name}", self.name);
        found[0]
    }

    /// The gateway's pods: their template's `spec`.
    pub fn pod(&self) -> &Value {
        &self.named("Deployment", "points-gateway")["spec"]["template"]["spec"]
    }

    /// The gateway's container.
    pub fn container(&self) -> &Value {
        &self.pod()["containers"][0]
    }

    /// Every workload's template, the gateway's and others.
    pub fn templates(&self) -> Vec<&Value> {
        ["Deployment", "StatefulSet"]
            .iter()
            .flat_map(|kind| self.of_kind(kind))
            .map(|workload| &workload["spec"]["template"])
            .collect()
    }

    /// The files that the gateway sees: those of ConfigMaps as they are, those of Secrets with something in them.
    pub fn files(&self) -> BTreeMap<PathBuf, String> {
        let mut files = BTreeMap::new();
        for mount in self.container()["volumeMounts"].as_array().unwrap() {
            let folder = Path::new(mount["mountPath"].as_str().unwrap());
            let volumes = self.pod()["volumes"].as_array().unwrap();
            let volume = volumes.iter().find(|volume| volume["name"] == mount["name"]).unwrap();
            if let Some(map) = volume["configMap"]["name"].as_str() {
                let map =
                    self.of_kind("ConfigMap").into_iter().find(|m| m["metadata"]["name"] == map).unwrap();
                for (file, text) in map["data"].as_object().unwrap() {
                    files.insert(folder.join(file), text.as_str().unwrap().to_owned());
                }
            }
            for item in volume["secret"]["items"].as_array().into_iter().flatten() {
                let text = match item["key"].as_str().unwrap() {
                    "url" => "redis://points-gateway:a-password@points-gateway-redis:6379\n",
                    _ => "a-secret-of-the-test\n",
                };
                files.insert(folder.join(item["path"].as_str().unwrap()), text.to_owned());
            }
        }
        files
    }

    /// The gateway's configuration, read as the container reads it.
    pub fn config(&self) -> Config {
        let arguments: Vec<_> =
            self.container()["args"].as_array().unwrap().iter().map(|a| a.as_str().unwrap()).collect();
        let ["serve", "--config", file] = arguments[..] else { panic!("{arguments:?}") };
        let environment: Vec<_> = self.container()["env"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|variable| (variable["name"].as_str().unwrap(), variable["value"].as_str().unwrap()))
            .collect();
        accepted(&self.name, file, &environment, &self.files())
    }
}

/// A configuration without a fault.
pub fn accepted(
    name: &str,
    file: &str,
    environment: &[(&str, &str)],
    files: &BTreeMap<PathBuf, String>,
) -> Config {
    let environment = environment.iter().map(|(n, v)| (n.into(), v.into())).collect();
    let sources = Sources { file: Some(file.into()), environment, files };
    Config::from_sources(&sources).unwrap_or_else(|faults| {
        let said: Vec<_> = faults.as_slice().iter().map(Fault::to_string).collect();
        panic!("{name}: {}", said.join("\n"))
    })
}
