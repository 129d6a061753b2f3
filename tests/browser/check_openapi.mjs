// Reads an OpenAPI document on standard input and lets a validator that others wrote judge it (tests/system/openapi_test.py).
import { Validator } from '@seriousme/openapi-schema-validator';

let text = '';
for await (const chunk of process.stdin) text += chunk;

const validator = new Validator();
const result = await validator.validate(JSON.parse(text));
if (validator.version !== '3.1') {
    console.error(`the validator takes it for version ${validator.version}`);
    process.exit(1);
}
if (!result.valid) {
    console.error(JSON.stringify(result.errors, null, 2));
    process.exit(1);
}
