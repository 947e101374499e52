/** A token for tests alone; `vitest.config.ts` gives its hash to the Worker. */
export const ADMIN_TOKEN = 'wsk_admin_bEcs96xAUclxXI1XleYUOUghz6oH0JcV8e';
export const ADMIN_SECRET_SHA256 = '8ad0cb879567a479105f93d523332901e523506af8da8158a350ffd462aef565';
