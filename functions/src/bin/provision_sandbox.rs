fn main() -> Result<(), lambda_runtime::Error> {
    functions::run(functions::PROVISION_SANDBOX)
}
