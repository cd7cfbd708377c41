/** Version of this package. */
export { packageVersion } from '../../schema/index.ts';
