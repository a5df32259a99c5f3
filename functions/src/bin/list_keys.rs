fn main() -> Result<(), lambda_runtime::Error> {
    functions::serve!("list-keys")
}
