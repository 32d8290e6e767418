//! Which CI service runs a job.

use std::ffi::OsString;

use clap::ValueEnum;

/// Services that have ways of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Service {
    /// The one whose variables are set.
    #[default]
    Auto,
    /// GitHub Actions.
    Github,
    /// GitLab CI.
    Gitlab,
    /// Jenkins.
    Jenkins,
    /// Buildkite.
    Buildkite,
    /// TeamCity.
    Teamcity,
    /// Azure Pipelines.
    Azure,
    /// None of them.
    Plain,
}

/// The variable that a service sets in each job.
const VARIABLES: [(&str, Service); 6] = [
    ("GITHUB_ACTIONS", Service::Github),
    ("GITLAB_CI", Service::Gitlab),
    ("TEAMCITY_VERSION", Service::Teamcity),
    ("BUILDKITE", Service::Buildkite),
    ("TF_BUILD", Service::Azure),
    ("JENKINS_URL", Service::Jenkins),
];

impl Service {
    /// The service that was named, or the one whose variable is set; `variable`
    /// reads the environment.
    pub fn found(self, variable: &dyn Fn(&str) -> Option<OsString>) -> Self {
        if self != Self::Auto {
            return self;
        }
        let is_set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
        let found = VARIABLES.iter().find(|(name, _)| is_set(name));
        found.map_or(Self::Plain, |(_, service)| *service)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services() {
        let set = |name: &'static str| move |asked: &str| (asked == name).then(|| "true".into());
        for (name, service) in VARIABLES {
            assert_eq!(Service::Auto.found(&set(name)), service, "{name}");
            assert_eq!(Service::Plain.found(&set(name)), Service::Plain, "{name}");
        }
        assert_eq!(Service::Auto.found(&|_| None), Service::Plain);
        assert_eq!(Service::Auto.found(&|_| Some(OsString::new())), Service::Plain);
    }
}
