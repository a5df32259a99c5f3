fn main() -> Result<(), lambda_runtime::Error> {
    functions::run(functions::REQUEST_CODE)
}
