fn main() -> Result<(), lambda_runtime::Error> {
    functions::run(functions::CREATE_KEY)
}
