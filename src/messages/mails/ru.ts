/** Mails in Russian. Facts: as in en.ts. */
import { moment, name, whole } from '../format.ts'
import type { Facts } from '../messages.ts'
import { letter, link, paragraph, quoted, say } from './letter.ts'
import type { MailMessages } from './mail-text.ts'

const quote = quoted('«', '»')
const hello = paragraph('Здравствуйте!')
const notYou = (text: string) => paragraph(`Если это были не вы, ${text}`)
const stranger = notYou(
  'доступ есть у кого-то ещё: смените пароль и сразу сообщите об этом администратору сервиса.',
)
const once = (f: Facts) => paragraph(say`Ссылка сработает один раз, до ${moment(f['until'])}.`)
const organization = (f: Facts) => quote(f['organization'])

export const mails: MailMessages = {
  verify_email: {
    subject: 'Подтвердите адрес электронной почты',
    body: (f) =>
      letter(
        hello,
        paragraph('Этот адрес указали для учётной записи в Daybook.'),
        link('Чтобы подтвердить, что он ваш, откройте ссылку:', f['link']),
        once(f),
        notYou('просто не обращайте внимания на это письмо.'),
      ),
  },
  reset_password: {
    subject: 'Выберите новый пароль',
    body: (f) =>
      letter(
        hello,
        paragraph(
          'Кто-то — возможно, вы — попросил сменить пароль вашей учётной записи в Daybook.',
        ),
        link('Чтобы выбрать новый, откройте ссылку:', f['link']),
        once(f),
        notYou('просто не обращайте внимания на это письмо: пароль останется прежним.'),
      ),
  },
  invitation: {
    subject: 'Вас приглашают в организацию',
    body: (f) =>
      letter(
        hello,
        paragraph(
          say`Вас приглашают в организацию ${organization(f)} в Daybook.` ??
            'Вас приглашают в организацию в Daybook.',
        ),
        link('Чтобы принять приглашение, откройте ссылку:', f['link']),
        once(f),
        paragraph(
          'Если вы не знаете, кто вас приглашает, просто не обращайте внимания на это письмо.',
        ),
      ),
  },
  registration_attempted: {
    subject: 'У вас уже есть учётная запись',
    body: (f) =>
      letter(
        hello,
        paragraph(
          'Кто-то — возможно, вы — попытался зарегистрироваться в Daybook с этим адресом.',
          'Учётная запись для него уже есть, поэтому новая не создана.',
        ),
        link('Войти можно здесь:', f['link']) ?? paragraph('Войдите, как обычно.'),
        notYou('ничего делать не нужно: в вашу учётную запись никто не вошёл.'),
      ),
  },
  email_changed: {
    subject: 'У вашей учётной записи другой адрес',
    body: (f) =>
      letter(
        hello,
        paragraph(
          'Для вашей учётной записи в Daybook указан другой адрес электронной почты.',
          'На этот адрес писем о ней больше не будет.',
          say`Это произошло ${moment(f['at'])}.`,
        ),
        notYou('доступ есть у кого-то ещё: сразу сообщите об этом администратору сервиса.'),
      ),
  },
  password_changed: {
    subject: 'Ваш пароль изменён',
    body: (f) =>
      letter(
        hello,
        paragraph(
          'Пароль вашей учётной записи в Daybook изменён.',
          say`Это произошло ${moment(f['at'])}.`,
        ),
        notYou('доступ есть у кого-то ещё: сразу сообщите об этом администратору сервиса.'),
        link('Ваша учётная запись:', f['link']),
      ),
  },
  session_replayed: {
    subject: 'Один из ваших сеансов завершён',
    body: (f) =>
      letter(
        hello,
        paragraph(
          'Секрет одного из ваших сеансов в Daybook использовали второй раз.',
          'Возможно, его кто-то скопировал, поэтому сеанс завершён. Войдите снова.',
          say`Это произошло ${moment(f['at'])}.`,
        ),
        paragraph(
          'Если вы не знаете, почему так вышло, смените пароль: остальные сеансы завершатся.',
        ),
        link('Ваша учётная запись:', f['link']),
      ),
  },
  budget_threshold: {
    subject: 'Бюджет достиг порога',
    body: (f) =>
      letter(
        hello,
        paragraph(
          say`Бюджет ${quote(f['budget'])} организации ${organization(f)} в Daybook израсходован на ${whole(f['percent'])} %.` ??
            say`Бюджет вашей организации в Daybook израсходован на ${whole(f['percent'])} %.` ??
            'Бюджет вашей организации в Daybook достиг порога.',
        ),
        paragraph(
          say`Израсходовано ${name(f['spent'])} из ${name(f['amount'])}.`,
          say`Бюджет обновится ${moment(f['resets_at'])}.`,
        ),
        f['hard'] === 'true' &&
          paragraph(
            'До этого вызовы, на которые его не хватает, отклоняются. Изменить бюджет может владелец или администратор.',
          ),
        link('Посмотреть бюджет:', f['link']),
      ),
  },
  payment_failed: {
    subject: 'Платёж не прошёл',
    body: (f) =>
      letter(
        hello,
        paragraph(
          say`Платёж за тариф организации ${organization(f)} в Daybook не прошёл.` ??
            'Платёж за тариф вашей организации в Daybook не прошёл.',
          say`Тариф действует до ${moment(f['grace_until'])}.`,
        ),
        paragraph('Проверьте способ оплаты, чтобы тариф не закончился.'),
        link('Ваша организация:', f['link']),
      ),
  },
  payment_returned: {
    subject: 'Платёж возвращён',
    body: (f) =>
      letter(
        hello,
        paragraph(
          say`Вам возвращено ${name(f['amount'])} из платежа организации ${organization(f)} в Daybook.` ??
            'Вам возвращены деньги из платежа вашей организации в Daybook.',
          'Кредит, который был за них начислен, списывается в той же доле.',
        ),
        paragraph(
          'Если кредита осталось меньше, баланс будет отрицательным до следующего платежа.',
        ),
        link('Ваша организация:', f['link']),
      ),
  },
  telegram_linked: {
    subject: 'К вашей учётной записи подключён Telegram',
    body: (f) =>
      letter(
        hello,
        paragraph(
          'Теперь в вашу учётную запись в Daybook можно войти через аккаунт Telegram.',
          say`Его подключили ${moment(f['at'])}.`,
        ),
        stranger,
        link('Ваша учётная запись:', f['link']),
      ),
  },
  telegram_unlinked: {
    subject: 'От вашей учётной записи отключён Telegram',
    body: (f) =>
      letter(
        hello,
        paragraph(
          'Через аккаунт Telegram, который был подключён к вашей учётной записи в Daybook, больше нельзя войти.',
          say`Его отключили ${moment(f['at'])}.`,
        ),
        stranger,
        link('Ваша учётная запись:', f['link']),
      ),
  },
}
