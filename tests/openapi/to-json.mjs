// to-json.mjs YAML: prints the specification as JSON, as it is served.
import { readSpecification } from './specification.mjs';

process.stdout.write(`${JSON.stringify(readSpecification(process.argv[2]), null, 1)}\n`);
