//! `template.yaml`, as far as the desk stands in for what it deploys.
//!
//! The template stays the only list of functions, routes, triggers, filters, the table and its
//! indexes: the desk reads them, so that what runs on a laptop is what would be deployed. Only the
//! properties that the desk acts on are resolved; one of those that it cannot resolve is an error
//! with the names of the resource and the property.

mod error;
mod function;
mod intrinsics;
mod mail;
mod parameters;
mod role;
mod route;
mod rules;
mod secret;
mod table;
mod yaml;

pub use error::TemplateError;
pub use function::{Asynchronous, Function, Schedule, StreamTrigger};
pub use mail::EventDestination;
pub use parameters::Parameters;
pub use role::Role;
pub use route::{Route, Routes};
pub use secret::Secret;
pub use table::{Index, Key, Table};

use crate::template::intrinsics::TemplateScope;
use serde_yaml_ng::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// A template whose YAML has been read, with nothing resolved yet.
#[derive(Debug)]
pub struct Document(Value);

impl Document {
    /// Reads the file.
    pub fn read(path: &Path) -> Result<Self, TemplateError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| TemplateError::Read { path: path.to_owned(), source })?;
        Self::parse(&text).map_err(|source| TemplateError::Syntax { path: path.to_owned(), source })
    }

    fn parse(text: &str) -> Result<Self, serde_yaml_ng::Error> {
        serde_yaml_ng::from_str(text).map(Self)
    }

    /// Resolves what the desk acts on. `overrides` are the parameters that the user set,
    /// `defaults` those that the desk knows better than the template's own defaults (its address,
    /// say); the user's win.
    pub fn resolve(
        &self,
        overrides: &Parameters,
        defaults: &Parameters,
    ) -> Result<Template, TemplateError> {
        let parameters = parameters::resolve(&self.0, overrides, defaults)?;
        let scope = TemplateScope::new(&self.0, parameters);
        rules::check(&scope)?;
        let mut template = Template {
            functions: Vec::new(),
            secrets: Vec::new(),
            table: None,
            configuration_sets: Vec::new(),
            event_destinations: Vec::new(),
            console_settings: console_settings(&scope)?,
        };
        let roles = role::read_all(&scope)?;
        for (id, resource) in scope.resources() {
            let resource_scope = scope.of_resource(id);
            match resource.get("Type").and_then(Value::as_str) {
                Some("AWS::Serverless::Function") => {
                    template.functions.push(function::read(&resource_scope, resource, &roles)?)
                }
                Some("AWS::SecretsManager::Secret") => {
                    template.secrets.push(secret::read(&resource_scope, resource)?)
                }
                Some("AWS::DynamoDB::Table") if template.table.is_some() => {
                    return Err(resource_scope.error(
                        "Type",
                        "the desk stands in for one table, and this is the second",
                    ));
                }
                Some("AWS::DynamoDB::Table") => {
                    template.table = Some(table::read(&resource_scope, resource)?)
                }
                Some("AWS::SES::ConfigurationSet") => {
                    template.configuration_sets.push(id.to_owned())
                }
                Some("AWS::SES::ConfigurationSetEventDestination") => {
                    template.event_destinations.push(mail::read(&resource_scope, resource)?)
                }
                _ => {}
            }
        }
        if template.table.is_none() {
            return Err(TemplateError::Missing("there is no AWS::DynamoDB::Table".to_owned()));
        }
        if template.functions.is_empty() {
            return Err(TemplateError::Missing("there is no AWS::Serverless::Function".to_owned()));
        }
        Ok(template)
    }
}

/// The template, resolved.
#[derive(Debug)]
pub struct Template {
    /// One per action.
    pub functions: Vec<Function>,
    /// What Secrets Manager holds.
    pub secrets: Vec<Secret>,
    /// The configuration sets that SES knows, by name.
    pub configuration_sets: Vec<String>,
    /// Where SES publishes what becomes of mails.
    pub event_destinations: Vec<EventDestination>,
    /// What the console is told, by the names that it knows.
    pub console_settings: BTreeMap<String, String>,
    table: Option<Table>,
}

/// The output that `infra/upload-console.sh` reads: a line for each field, `name=value`.
fn console_settings(scope: &TemplateScope<'_>) -> Result<BTreeMap<String, String>, TemplateError> {
    const OUTPUT: &str = "ConsoleSettings";
    let text = match scope.output(OUTPUT).and_then(|output| output.get("Value")) {
        Some(value) => scope.of_resource(OUTPUT).text("Value", value)?.unwrap_or_default(),
        None => String::new(),
    };
    let fields = text.split('\n').filter_map(|line| line.split_once('='));
    Ok(fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

impl Template {
    /// The one table.
    pub fn table(&self) -> &Table {
        self.table.as_ref().expect("a template without a table is refused when it is resolved")
    }

    /// The function of this name.
    pub fn function(&self, name: &str) -> Option<&Function> {
        self.functions.iter().find(|function| function.name == name)
    }

    /// All routes of the HTTP API.
    pub fn routes(&self) -> Routes {
        Routes::new(self.functions.iter().flat_map(|function| function.routes.iter().cloned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn resolve(text: &str) -> Result<Template, TemplateError> {
        Document::parse(text).expect("YAML").resolve(&Parameters::new(), &Parameters::new())
    }

    const SMALL: &str = r#"
Parameters:
  Origin: {Type: String, Default: "https://desk.example.com"}
  Mode: {Type: String, Default: simple, AllowedValues: [simple, iam]}
Conditions:
  IsSimple: !Equals [!Ref Mode, simple]
Globals:
  Function:
    Timeout: 8
    Environment: {Variables: {TABLE_NAME: !Ref Table}}
Resources:
  Bucket: {Type: AWS::S3::Bucket}
  Logs:
    Type: AWS::Logs::LogGroup
    Properties: {LogGroupName: !Sub "/aws/lambda/${AWS::StackName}"}
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: {Service: lambda.amazonaws.com}
            Action: sts:AssumeRole
      Policies:
        - PolicyName: all
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
              - {Sid: Log, Effect: Allow, Action: logs:PutLogEvents, Resource: !GetAtt Logs.Arn}
              - {Sid: Keep, Effect: Allow, Action: s3:PutObject, Resource: !Sub "${Bucket.Arn}/*"}
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions:
        - {AttributeName: pk, AttributeType: S}
        - {AttributeName: sk, AttributeType: S}
      KeySchema: [{AttributeName: pk, KeyType: HASH}, {AttributeName: sk, KeyType: RANGE}]
      StreamSpecification: {StreamViewType: NEW_IMAGE}
      TimeToLiveSpecification: {AttributeName: ttl, Enabled: true}
  LoginSecret:
    Type: AWS::SecretsManager::Secret
    Properties:
      GenerateSecretString:
        SecretStringTemplate: '{"current":"1"}'
        GenerateStringKey: "1"
        PasswordLength: 64
        ExcludePunctuation: true
  CreateKey:
    Type: AWS::Serverless::Function
    Metadata: {BuildMethod: rust-cargolambda, BuildProperties: {Binary: create-key}}
    Properties:
      Role: !GetAtt Role.Arn
      LoggingConfig: {LogGroup: !Ref Logs}
      Environment:
        Variables:
          LINK: !Sub "${Origin}/keys?${!literal}"
          SHAPE: !If [IsSimple, one, two]
          SECRET: !GetAtt LoginSecret.Id
          LIMIT: 10
      Events:
        Create: {Type: HttpApi, Properties: {Path: /api/keys, Method: POST}}
  DeliverMail:
    Type: AWS::Serverless::Function
    Metadata: {BuildProperties: {Binary: deliver-mail}}
    Properties:
      Role: !GetAtt Role.Arn
      Timeout: 60
      Events:
        Rows:
          Type: DynamoDB
          Properties:
            Stream: !GetAtt Table.StreamArn
            StartingPosition: TRIM_HORIZON
            BatchSize: 25
            MaximumRetryAttempts: 3
            MaximumRecordAgeInSeconds: 3600
            BisectBatchOnFunctionError: true
            FunctionResponseTypes: [ReportBatchItemFailures]
            FilterCriteria: {Filters: [{Pattern: '{"eventName":["INSERT"]}'}]}
            DestinationConfig: {OnFailure: {Type: S3, Destination: !GetAtt Bucket.Arn}}
  Sweep:
    Type: AWS::Serverless::Function
    Metadata: {BuildProperties: {Binary: sweep}}
    Properties:
      Role: !GetAtt Role.Arn
      Events:
        Rate: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(5 minutes)}}
  Told: {Type: AWS::SNS::Topic}
  Mails: {Type: AWS::SES::ConfigurationSet}
  Tells:
    Type: AWS::SES::ConfigurationSetEventDestination
    Properties:
      ConfigurationSetName: !Ref Mails
      EventDestination:
        Enabled: true
        MatchingEventTypes: [bounce]
        SnsDestination: {TopicARN: !Ref Told}
  Note:
    Type: AWS::Serverless::Function
    Metadata: {BuildProperties: {Binary: note}}
    Properties:
      Role: !GetAtt Role.Arn
      EventInvokeConfig:
        MaximumRetryAttempts: 1
        DestinationConfig: {OnFailure: {Type: S3Bucket, Destination: !GetAtt Bucket.Arn}}
      Events:
        Told: {Type: SNS, Properties: {Topic: !Ref Told}}
"#;

    #[test]
    fn the_environment_of_a_function_is_the_globals_and_its_own_with_every_intrinsic_resolved() {
        let template = resolve(SMALL).expect("a good template");
        let environment = &template.function("create-key").expect("the function").environment;
        assert_eq!(environment["LINK"], "https://desk.example.com/keys?${literal}");
        assert_eq!(environment["SHAPE"], "one");
        assert_eq!(environment["LIMIT"], "10");
        assert_eq!(environment["TABLE_NAME"], template.table().name);
        assert_eq!(environment["SECRET"], template.secrets[0].arn);
    }

    #[test]
    fn a_stream_trigger_carries_what_decides_about_a_failed_batch() {
        let template = resolve(SMALL).expect("a good template");
        let function = template.function("deliver-mail").expect("the function");
        let trigger = &function.streams[0];
        assert_eq!(
            (function.timeout.as_secs(), trigger.batch_size, trigger.maximum_retry_attempts),
            (60, 25, Some(3))
        );
        assert!(trigger.bisect && trigger.report_batch_item_failures);
        assert_eq!(trigger.on_failure.as_deref(), Some("arn:aws:s3:::Bucket"));
        assert_eq!(trigger.maximum_record_age.map(|age| age.as_secs()), Some(3600));
        assert_eq!(
            template.function("sweep").expect("the function").schedules[0].every.as_secs(),
            300
        );
    }

    #[test]
    fn what_ses_publishes_leads_to_the_functions_that_have_subscribed() {
        let template = resolve(SMALL).expect("a good template");
        let function = template.function("note").expect("the function");
        let destination = &template.event_destinations[0];
        assert_eq!(template.configuration_sets, [destination.configuration_set.as_str()]);
        assert_eq!(function.topics, [destination.topic.as_str()]);
        assert_eq!(destination.event_types, ["bounce"]);
        let Asynchronous { maximum_retry_attempts, maximum_event_age, on_failure } =
            &function.asynchronous;
        assert_eq!((*maximum_retry_attempts, maximum_event_age.as_secs()), (1, 6 * 3600));
        assert_eq!(on_failure.as_deref(), Some("arn:aws:s3:::Bucket"));
    }

    #[test]
    fn what_cannot_be_resolved_names_resource_and_property() {
        for (from, to, said) in [
            (
                "!GetAtt LoginSecret.Id",
                "!GetAtt Nobody.Id",
                "Environment.Variables.SECRET of resource CreateKey",
            ),
            ("!GetAtt LoginSecret.Id", "!ImportValue x", "!ImportValue"),
            ("!If [IsSimple", "!If [IsOdd", "IsOdd"),
            ("Type: ScheduleV2", "Type: SQS", "Events.Rate.Type of resource Sweep"),
            (
                "Enabled: true\n        Matching",
                "Matching",
                "EventDestination.Enabled of resource Tells",
            ),
            ("rate(5 minutes)", "cron(0 0 * * ? *)", "ScheduleExpression of resource Sweep"),
            ("!Ref Logs", "!Ref Nobody", "LoggingConfig.LogGroup of resource CreateKey"),
            ("!GetAtt Logs.Arn", "!GetAtt Logs.Name", "Policies"),
            ("Action: s3:PutObject", "NotAction: s3:PutObject", "Policies of resource Role"),
            (
                "      LoggingConfig:",
                "      Policies: []\n      LoggingConfig:",
                "Policies of resource CreateKey",
            ),
            (
                "Role: !GetAtt Role.Arn\n      LoggingConfig",
                "LoggingConfig",
                "Role of resource CreateKey",
            ),
            (
                "Service: lambda.amazonaws.com",
                "Service: ec2.amazonaws.com",
                "AssumeRolePolicyDocument of resource Role",
            ),
            (
                "      Policies:\n",
                "      ManagedPolicyArns: [x]\n      Policies:\n",
                "ManagedPolicyArns of resource Role",
            ),
            (r#"{"eventName":["INSERT"]}"#, r#"{"eventName":[{"suffix":"T"}]}"#, "suffix"),
        ] {
            let broken = SMALL.replace(from, to);
            assert_ne!(broken, SMALL, "the test changes something");
            let error = resolve(&broken).expect_err("a broken template").to_string();
            assert!(error.contains(said), "{error:?} does not say {said:?}");
        }
    }

    #[test]
    fn a_parameter_of_the_user_wins_and_an_unknown_one_is_refused_with_the_names() {
        let document = Document::parse(SMALL).expect("YAML");
        let set = |name: &str, value: &str| Parameters::from([(name.to_owned(), value.to_owned())]);
        let template = document
            .resolve(&set("Origin", "http://user"), &set("Origin", "http://desk"))
            .expect("resolved");
        assert_eq!(template.functions[0].environment["LINK"], "http://user/keys?${literal}");
        let unknown = document
            .resolve(&set("Orgin", "x"), &Parameters::new())
            .expect_err("unknown")
            .to_string();
        assert!(unknown.contains("Mode, Origin"), "{unknown}");
    }

    #[test]
    fn a_parameter_is_held_to_every_constraint_and_a_default_is_no_exception() {
        for (declared, value, said) in [
            ("Type: String, AllowedValues: [simple, iam]", "odd", "AllowedValues simple, iam"),
            ("Type: String, MinLength: 2", "x", "MinLength 2"),
            ("Type: String, MaxLength: 2", "äöü", "MaxLength 2"),
            ("Type: String, AllowedPattern: 'a|b'", "ab", "AllowedPattern a|b"),
            ("Type: String, AllowedPattern: '(?=a)'", "a", "AllowedPattern of parameter P"),
            ("Type: Number", "1,5", "Type Number"),
            ("Type: Number", "NaN", "Type Number"),
            ("Type: Number, MinValue: -1", "-1.5", "MinValue -1"),
            ("Type: Number, MaxValue: 9", "10", "MaxValue 9"),
            ("Type: Number, MaxValue: 9, ConstraintDescription: be low", "10", "\"10\": be low"),
            ("Type: CommaDelimitedList", "a,b", "Type of parameter P"),
        ] {
            let template =
                SMALL.replace("Parameters:\n", &format!("Parameters:\n  P: {{{declared}}}\n"));
            let document = Document::parse(&template).expect("YAML");
            let given = Parameters::from([("P".to_owned(), value.to_owned())]);
            let none = Parameters::new();
            for (overrides, defaults) in [(&given, &none), (&none, &given)] {
                let error = document.resolve(overrides, defaults).expect_err(declared).to_string();
                assert!(error.contains(said), "{error:?} does not say {said:?}");
            }
            let default = template.replace(declared, &format!("{declared}, Default: '{value}'"));
            let error = resolve(&default).expect_err(declared).to_string();
            assert!(error.contains(said), "{error:?} does not say {said:?}");
        }
    }

    #[test]
    fn a_rule_that_does_not_hold_says_what_it_asserts_where_its_condition_holds() {
        let rule = |condition: &str, assert: &str| {
            let rule = format!(
                "Rules:\n  Fit:\n    RuleCondition: {condition}\n    Assertions:\n      \
                 - {{Assert: {assert}, AssertDescription: they go together}}\nResources:"
            );
            resolve(&SMALL.replace("Resources:", &rule)).map_err(|error| error.to_string())
        };
        let (yes, no) = ("!Equals [!Ref Mode, simple]", "!Equals [!Ref Mode, iam]");
        for holds in [
            yes.to_owned(),
            format!("!Not [{no}]"),
            format!("!And [{yes}, !Not [{no}]]"),
            format!("{{'Fn::Or': [{no}, {yes}]}}"),
            "!Contains [[iam, simple], !Ref Mode]".to_owned(),
        ] {
            rule(yes, &holds).expect(&holds);
            let error = rule(yes, &format!("!Not [{holds}]")).expect_err(&holds);
            assert!(error.contains("they go together (rule Fit)"), "{error}");
            rule(no, &format!("!Not [{holds}]")).expect(&holds);
        }
        let unknown = rule(yes, "!EachMemberIn [[a], [a]]").expect_err("unknown");
        assert!(unknown.contains("rule Fit") && unknown.contains("EachMemberIn"), "{unknown}");
    }
}
