//! A parameter that can't be used: what `errors[]` of a problem lists.

/// One fault of one parameter.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct ParameterFault {
    /// The parameter's name as sent, cut after 64 characters.
    #[schema(example = "page_size")]
    pub parameter: String,
    /// What is wrong with it.
    #[schema(example = "is out of range or not a number")]
    pub detail: &'static str,
    /// What may be sent.
    #[schema(example = "a whole number from 1 to 100")]
    pub allowed: &'static str,
}

impl ParameterFault {
    /// A fault; the value is never repeated, since it may be personal.
    pub fn new(parameter: &str, detail: &'static str, allowed: &'static str) -> ParameterFault {
        ParameterFault { parameter: parameter.chars().take(64).collect(), detail, allowed }
    }
}
