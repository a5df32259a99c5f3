fn main() -> Result<(), lambda_runtime::Error> {
    functions::run(functions::AUTHORIZE_KEY)
}
