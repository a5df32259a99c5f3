fn main() -> Result<(), lambda_runtime::Error> {
    functions::run(functions::REVOKE_SESSION)
}
